"""Lists of earlier events and counts of them, of `cargo xtask bench preprocess`, in Polars and pandas.

    events.py make FOLDER ROWS OUT                  writes a log with its users and items
    events.py polars|pandas FOLDER ROUNDS OUT       reads the log and times both classes of work

A class begins with the file and ends with what batches of its rows take: of each row the ids of the last fifty clicks of its
user before it, back to back, and how many they are; or how many clicks its user had in the thirty days before it. Clicks of
the same instant are not before each other. Where Polars has several ways, all are timed and the fastest counts. What is
written is, for each class, the seconds of each round by the clock and on processors, and a number that all contenders have to
agree on: how many elements or clicks there are in all.
"""

import json
import os
import sys
import time

import numpy as np

SLOTS = 100_000
LAST = 50
DAY = 86_400_000_000
MONTH = 30 * DAY
# Rows whose lists are made at a time: all at once would not fit into memory where there are many.
BLOCK = 65_536


def make(folder, rows):
    import polars as pl

    os.makedirs(folder, exist_ok=True)
    draw = np.random.default_rng(11)
    users, items = max(rows // 50, 10), 50_000
    seconds = np.sort(draw.integers(0, 60 * 86_400, rows))
    clicks = pl.DataFrame({
        "user_id": draw.integers(0, users, rows),
        "item_id": draw.integers(0, items, rows),
        "at": seconds * 1_000_000 + 1_700_000_000_000_000,
    })
    clicks.with_columns(pl.col("at").cast(pl.Datetime("us"))).write_parquet(os.path.join(folder, "clicks.parquet"))
    pl.DataFrame({"user_id": np.arange(users)}).write_parquet(os.path.join(folder, "users.parquet"))
    pl.DataFrame({"item_id": np.arange(items)}).write_parquet(os.path.join(folder, "items.parquet"))


def seconds(work, rounds):
    taken = []
    for _ in range(rounds):
        clock, processors = time.perf_counter(), time.process_time()
        work()
        taken.append([time.perf_counter() - clock, time.process_time() - processors])
    return taken


def with_polars(folder):
    import polars as pl

    c = pl.col
    log = os.path.join(folder, "clicks.parquet")

    def histories():
        frame = pl.scan_parquet(log).with_row_index("row").sort("user_id", "at").with_row_index("place")
        begins = c("user_id") != c("user_id").shift(1)
        later = begins | (c("at") != c("at").shift(1))
        run = lambda begin: pl.when(begin.fill_null(True)).then(c("place")).forward_fill()
        frame = frame.select("row", (c("item_id").hash() % SLOTS).alias("id"), run(begins).alias("first"), run(later).alias("end")).collect()
        ids = frame["id"]
        start = pl.max_horizontal("first", pl.when(c("end") > LAST).then(c("end") - LAST).otherwise(0)).alias("start")
        bounds = frame.lazy().select("row", start, "end").sort("row").collect()
        elements = 0
        for block in bounds.iter_slices(BLOCK):
            places = block.select(pl.int_ranges("start", "end").alias("at")).explode("at").drop_nulls()["at"]
            lists = ids.gather(places)
            lengths = block["end"] - block["start"]
            elements += len(lists)
            del lengths
        return elements

    def by_search():
        frame = pl.scan_parquet(log).select("user_id", c("at").to_physical().alias("at")).collect()
        least, span = frame["at"].min(), 1 << 46
        begin = c("user_id") * span
        frame = frame.select((begin + (c("at") - least)).alias("key"), (begin + pl.max_horizontal(c("at") - least - MONTH, 0)).alias("from"))
        keys = frame["key"].sort()
        return int((keys.search_sorted(frame["key"], side="left") - keys.search_sorted(frame["from"], side="left")).cast(pl.Int64).sum())

    def by_windows():
        frame = pl.scan_parquet(log).select("user_id", "at").sort("user_id", "at")
        windows = frame.rolling(index_column="at", period="30d", closed="left", group_by="user_id")
        return int(windows.agg(pl.len()).select(c("len").sum()).collect().item())

    return {"history of 50": [histories], "as-of counts": [by_search, by_windows]}


def with_pandas(folder):
    import pandas as pd

    log = os.path.join(folder, "clicks.parquet")

    def bounds(frame, earliest):
        """Where the earlier events of each row begin and end among those sorted by user and time."""
        at = frame["at"].astype("datetime64[us]").astype("int64").to_numpy()
        begin = frame["user_id"].to_numpy() << 46
        at = at - at.min()
        key = begin + at
        order = np.argsort(key, kind="stable")
        keys = key[order]
        return order, np.searchsorted(keys, key), np.searchsorted(keys, earliest(begin, at))

    def read():
        import polars as pl

        return pd.DataFrame({name: column.to_numpy() for name, column in zip(["user_id", "item_id", "at"], pl.read_parquet(log))})

    def histories():
        frame = read()
        order, ends, firsts = bounds(frame, lambda begin, at: begin)
        ids = (pd.util.hash_array(frame["item_id"].to_numpy()) % SLOTS)[order]
        starts = np.maximum(firsts, ends - LAST)
        elements = 0
        for at in range(0, len(ends), BLOCK):
            start, lengths = starts[at : at + BLOCK], (ends - starts)[at : at + BLOCK]
            before = np.cumsum(lengths) - lengths
            places = np.repeat(start - before, lengths) + np.arange(lengths.sum())
            elements += len(ids[places])
        return int(elements)

    def counts():
        _, ends, starts = bounds(read(), lambda begin, at: begin + np.maximum(at - MONTH, 0))
        return int((ends - starts).sum())

    return {"history of 50": [histories], "as-of counts": [counts]}


def main():
    what, folder, number, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if what == "make":
        make(folder, number)
        found = {"rows": number}
    else:
        found = {}
        for name, ways in (with_polars if what == "polars" else with_pandas)(folder).items():
            checks = [float(work()) for work in ways]
            if len(set(checks)) > 1:
                sys.exit(f"{name}: ways of {what} give {checks}")
            timed = [seconds(work, number) for work in ways]
            best = min(range(len(ways)), key=lambda at: sorted(on for _, on in timed[at])[number // 2])
            found[name] = {"seconds": timed[best], "check": checks[best]}
    with open(out, "w") as file:
        json.dump(found, file)


main()

"""The work of `cargo xtask bench preprocess` in Polars and pandas, on columns in memory.

    preprocess.py make FOLDER ROWS OUT          writes the columns, for all contenders
    preprocess.py polars|pandas FOLDER ROUNDS OUT   times each class of work

Where Polars has several ways to say a class, all are timed and the fastest counts.
"""

import json
import os
import sys
import time

import numpy as np

SLOTS = 100_000
GENRES = ["Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Horror", "Musical"]


def make(folder, rows):
    os.makedirs(folder, exist_ok=True)
    draw = np.random.default_rng(7)
    a, b = draw.normal(size=rows), draw.normal(size=rows)
    a[draw.random(rows) < 0.1] = np.nan
    many = min(1_000_000, rows // 2)
    columns = {
        "a.float": a,
        "b.float": b,
        "n.int": draw.integers(0, many, rows),
        "k.int": draw.integers(0, 1_000, rows),
        "at.int": draw.integers(0, 1_700_000_000_000_000, rows),
    }
    for name, values in columns.items():
        values.tofile(os.path.join(folder, name))
    texts = {
        "word.str": [f"word{value}" for value in draw.integers(0, 1_000, rows)],
        "name.str": [f"user-{value:08d}" for value in draw.integers(0, many, rows)],
        "genres.str": ["|".join(draw.choice(GENRES, size, replace=False)) for size in draw.integers(1, 5, rows)],
        "title.str": [f"The {value} nights ({1930 + value % 90})" for value in draw.integers(0, many, rows)],
    }
    for name, lines in texts.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write("\n".join(lines) + "\n")


def columns(folder):
    found = {}
    for file in sorted(os.listdir(folder)):
        name, kind = file.split(".")
        path = os.path.join(folder, file)
        if kind == "str":
            with open(path) as lines:
                found[name] = lines.read().splitlines()
        else:
            found[name] = np.fromfile(path, dtype="<i8" if kind == "int" else "<f8")
    return found


def seconds(work, rounds):
    """Seconds of each round, by the clock and on processors."""
    work()
    taken = []
    for _ in range(rounds):
        clock, processors = time.perf_counter(), time.process_time()
        work()
        taken.append([time.perf_counter() - clock, time.process_time() - processors])
    return taken


def borders(count):
    return [at * 6.0 / count - 3.0 for at in range(count)]


def with_polars(folder, rounds):
    import polars as pl

    frame = pl.DataFrame(columns(folder)).with_columns(
        pl.col("a").fill_nan(None), pl.col("at").cast(pl.Datetime("us"))
    )
    c = pl.col
    filled = c("a").fill_null(1.0)
    chain = (((filled * 0.5 + c("b")) * c("b") - filled) / (c("b").abs() + 1.0)).clip(-3.0, 3.0)

    def compared(name, count):
        return pl.sum_horizontal([(c(name) >= border).cast(pl.Int64) for border in borders(count)])

    def searched(name, count):
        return pl.lit(pl.Series(borders(count))).search_sorted(c(name), side="right")

    def vocabulary(name):
        known = frame.select(c(name).unique(maintain_order=True)).with_row_index("id", offset=1)
        ways = {"join": lambda: frame.lazy().join(known.lazy(), on=name, how="left", maintain_order="left").select("id").collect()}
        if known.schema[name] == pl.String and known.height < 100_000:
            words = pl.Enum(known[name])
            ways["enum"] = lambda: frame.lazy().select(c(name).cast(words).to_physical() + 1).collect()
        return ways

    def ways(*expressions):
        return {str(at): (lambda of=of: frame.lazy().select(of).collect()) for at, of in enumerate(expressions)}

    classes = {
        "numeric chain": ways([chain]),
        "logarithms": ways([c("a").abs().log1p()]),
        "buckets": ways(
            [compared("a", 8).alias("x"), compared("b", 40).alias("y")],
            [searched("a", 8).alias("x"), searched("b", 40).alias("y")],
            [compared("a", 8).alias("x"), searched("b", 40).alias("y")],
        ),
        "hash of integers": ways([c("n").hash() % SLOTS]),
        "hash of texts": ways([c("name").hash() % SLOTS]),
        "cross of integers": ways([pl.struct("n", "k").hash() % SLOTS], [(c("n").hash(1) ^ c("k").hash(2)) % SLOTS]),
        "cross of texts": ways([pl.struct("word", "name").hash() % SLOTS], [(c("word").hash(1) ^ c("name").hash(2)) % SLOTS]),
        "parts of a time": ways([c("at").dt.hour().alias("h"), c("at").dt.weekday().alias("w"), (c("at").to_physical() // 86_400_000_000).alias("d")]),
        "vocabulary of few texts": vocabulary("word"),
        "vocabulary of many texts": vocabulary("name"),
        "vocabulary of many integers": vocabulary("n"),
        "split and hash": ways([c("genres").str.split("|").list.eval(pl.element().hash() % SLOTS)]),
        "split and pool": ways(
            [c("genres").str.split("|").list.eval(pl.element().str.len_chars()).list.mean()],
            [c("genres").str.split("|").list.eval(pl.element().str.len_chars().mean()).list.first()],
        ),
        "regex capture": ways([c("title").str.extract(r"\((\d{4})\)", 1)]),
    }
    found = {}
    for name, ways_of in classes.items():
        timed = [seconds(work, rounds) for work in ways_of.values()]
        found[name] = {"polars": min(timed, key=lambda taken: sorted(on for _, on in taken)[len(taken) // 2])}
    return found


def with_pandas(folder, rounds):
    import pandas as pd

    frame = pd.DataFrame(columns(folder))
    frame["at"] = pd.to_datetime(frame["at"], unit="us")
    for name in ["word", "name", "genres", "title"]:
        frame[name] = frame[name].astype("str")
    f = frame

    def chain():
        filled = f["a"].fillna(1.0)
        return (((filled * 0.5 + f["b"]) * f["b"] - filled) / (f["b"].abs() + 1.0)).clip(-3.0, 3.0)

    def hashed(name):
        return pd.util.hash_array(f[name].to_numpy(), categorize=False) % SLOTS

    def looked_up(name):
        index = pd.Index(f[name].unique())
        return lambda: index.get_indexer(f[name]) + 1

    def lengths():
        parts = f["genres"].str.split("|").explode()
        return parts.str.len().groupby(level=0).mean()

    classes = {
        "numeric chain": chain,
        "logarithms": lambda: np.log1p(f["a"].abs()),
        "buckets": lambda: (np.searchsorted(borders(8), f["a"], side="right"), np.searchsorted(borders(40), f["b"], side="right")),
        "hash of integers": lambda: hashed("n"),
        "hash of texts": lambda: hashed("name"),
        "cross of integers": lambda: pd.util.hash_pandas_object(f[["n", "k"]], index=False) % SLOTS,
        "cross of texts": lambda: pd.util.hash_pandas_object(f[["word", "name"]], index=False) % SLOTS,
        "parts of a time": lambda: (f["at"].dt.hour, f["at"].dt.day_of_week, f["at"].astype("int64") // 86_400_000_000),
        "vocabulary of few texts": looked_up("word"),
        "vocabulary of many texts": looked_up("name"),
        "vocabulary of many integers": looked_up("n"),
        "split and hash": lambda: pd.util.hash_array(f["genres"].str.split("|").explode().to_numpy(dtype=object)) % SLOTS,
        "split and pool": lengths,
        "regex capture": lambda: f["title"].str.extract(r"\((\d{4})\)"),
    }
    return {name: {"pandas": seconds(work, rounds)} for name, work in classes.items()}


def main():
    what, folder, number, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if what == "make":
        make(folder, number)
        found = {"rows": number}
    else:
        found = with_polars(folder, number) if what == "polars" else with_pandas(folder, number)
    with open(out, "w") as file:
        json.dump(found, file)


main()

"""The work of `cargo xtask bench preprocess` in Polars and pandas, on columns in memory.

    preprocess.py make FOLDER ROWS OUT              writes a parquet file, and its columns for the programs in Rust
    preprocess.py polars|pandas FOLDER              reads the parquet file, and times each class of work for each line of stdin

What is written, a line of JSON a round, is for each class the seconds by the clock and on processors, and a number that all
contenders have to agree on. Where Polars has several ways to say a class, all are tried twice before the first round and the
fastest is timed from then on; texts that recur are there both as texts and as an enum, made before the clock starts.
"""

import json
import os
import sys
import time

import numpy as np

SLOTS = 100_000
GENRES = ["Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Horror", "Musical"]
DAY = 86_400_000_000


def make(folder, rows):
    import polars as pl

    os.makedirs(folder, exist_ok=True)
    draw = np.random.default_rng(7)
    a, b = draw.normal(size=rows), draw.normal(size=rows)
    a[draw.random(rows) < 0.1] = np.nan
    many = min(1_000_000, rows // 2)
    few = 1_000

    def parts(separator, form, values, most):
        sizes = draw.integers(1, most + 1, rows)
        drawn = draw.integers(0, values, sizes.sum())
        ends = np.cumsum(sizes)
        return [separator.join(form(value) for value in drawn[end - size : end]) for size, end in zip(sizes, ends)]

    genres = ["|".join(draw.choice(GENRES, draw.integers(1, 5), replace=False)) for _ in range(few)]
    titles = [f"The {value} nights ({1930 + value % 90})" for value in range(many)]
    numbers = {
        "a": a,
        "b": b,
        "n": draw.integers(0, many, rows),
        "k": draw.integers(0, few, rows),
        "wide": draw.integers(0, many, rows) * 9_176_543_210_987,
        "at": draw.integers(0, 1_700_000_000_000_000, rows),
    }
    texts = {
        "word": [f"word{value}" for value in draw.integers(0, few, rows)],
        "name": [f"user-{value:08d}" for value in draw.integers(0, many, rows)],
        "genres": [genres[value] for value in draw.integers(0, few, rows)],
        "tags": parts(",", lambda value: f"tag{value}", many, 5),
        "bag": parts("|", lambda value: f"k{value}:{value % 97}", few, 4),
        "film": [titles[value] for value in draw.integers(0, few, rows)],
        "title": [titles[value] for value in draw.integers(0, many, rows)],
    }
    pl.DataFrame({**numbers, **texts}).write_parquet(os.path.join(folder, "columns.parquet"))
    for name, values in numbers.items():
        values.tofile(os.path.join(folder, f"{name}.{'float' if name in 'ab' else 'int'}"))
    for name, lines in texts.items():
        with open(os.path.join(folder, f"{name}.str"), "w") as file:
            file.write("\n".join(lines) + "\n")


def seconds(work, goes=1):
    """The seconds of one go, by the clock and on processors."""
    clock, processors = time.perf_counter(), time.process_time()
    for _ in range(goes):
        work()
    return [(time.perf_counter() - clock) / goes, (time.process_time() - processors) / goes]


# A round is at least so many seconds of work.
ROUND = 0.1


def ready(classes):
    """For each class its name, the fastest of its ways, how often a round goes it, and what it computes as one number."""
    chosen = []
    for name, (ways, check) in classes.items():
        checks = [check(work()) for work in ways]
        goes = 2 if len(ways) > 1 else 1
        tried = [min((seconds(work) for _ in range(goes)), key=lambda taken: taken[1]) for work in ways]
        best = min(range(len(ways)), key=lambda at: tried[at][1])
        chosen.append((name, ways[best], max(1, int(np.ceil(ROUND / tried[best][0]))), checks[best]))
    return chosen


def on_request(classes):
    chosen = ready(classes)
    for _ in sys.stdin:
        found = {name: {"seconds": seconds(work, goes), "check": check} for name, work, goes, check in chosen}
        print(json.dumps(found), flush=True)


def borders(count):
    return [at * 6.0 / count - 3.0 for at in range(count)]


def with_polars(folder):
    import polars as pl

    frame = pl.read_parquet(os.path.join(folder, "columns.parquet")).with_columns(
        pl.col("a").fill_nan(None), pl.col("at").cast(pl.Datetime("us"))
    )
    recurring = ["word", "genres", "film"]
    frame = frame.with_columns(pl.col(name).cast(pl.Enum(frame[name].unique().sort())).alias(f"{name}_c") for name in recurring)
    c = pl.col
    filled = c("a").fill_null(1.0)
    chain = (((filled * 0.5 + c("b")) * c("b") - filled) / (c("b").abs() + 1.0)).clip(-3.0, 3.0)
    year = r"\((\d{4})\)"

    def compared(name, count):
        return pl.sum_horizontal([(c(name) >= border).cast(pl.Int64) for border in borders(count)])

    def searched(name, count):
        return pl.lit(pl.Series(borders(count))).search_sorted(c(name), side="right")

    def one(expression):
        return lambda: frame.lazy().select(expression).collect()

    def known(values):
        return values.unique().sort().to_frame("value").with_row_index("id", offset=1)

    def by_category(name, of):
        """What `of` makes of the categories, at the place of each row."""

        def run():
            values = frame[f"{name}_c"]
            return of(values.dtype.categories).gather(values.to_physical())

        return run

    def joined(name, table, column=None):
        left = frame.lazy().select(c(column or name).alias("value"))
        return lambda: left.join(table.lazy(), on="value", how="left", maintain_order="left").select("id").collect()

    def looked_up(name):
        table = known(frame[name])
        ways = [joined(name, table)]
        if name in recurring:
            words = pl.Enum(table["value"])
            ways.append(one(c(name).cast(words).to_physical() + 1))
            ids = lambda categories: pl.DataFrame({"value": categories}).join(table, on="value", how="left", maintain_order="left")["id"]
            ways.append(by_category(name, ids))
        return ways

    def listed(table, parts):
        """The ids of the parts of lists, and the lists again."""
        def run():
            rows = frame.lazy().select(parts.alias("value")).with_row_index("row").explode("value")
            ids = rows.join(table.lazy(), on="value", how="left", maintain_order="left")
            return ids.group_by("row", maintain_order=True).agg("id").select("id").collect()

        def physical():
            return frame.lazy().select(parts.list.eval(pl.element().cast(words).to_physical() + 1)).collect()

        if table.height > 100_000:
            return [run]
        words = pl.Enum(table["value"])
        return [run, physical]

    lengths = lambda parts: parts.list.eval(pl.element().str.len_chars()).list.mean()
    mean_length = lambda parts: parts.list.eval(pl.element().str.len_chars().mean()).list.first()
    genres, tags = c("genres").str.split("|"), c("tags").str.split(",")
    keys = c("bag").str.split("|").list.eval(pl.element().str.extract("^([^:]+):", 1))
    keys_by_split = c("bag").str.split("|").list.eval(pl.element().str.split_exact(":", 1).struct.field("field_0"))
    pairs_by_capture = c("bag").str.split("|").list.eval(pl.element().str.extract(":(.+)$", 1).cast(pl.Float64))
    weights_by_split = c("bag").str.split("|").list.eval(pl.element().str.split_exact(":", 1).struct.field("field_1").cast(pl.Float64))

    def with_weights(ways, weights):
        return [lambda ids=ids: (ids(), frame.lazy().select(weights).collect()) for ids in ways]

    some = frame.head(50_000)
    known_tags = known(frame.select(tags.alias("t")).explode("t")["t"])
    known_keys = known(some.select(keys.alias("k")).explode("k")["k"])
    first = lambda found: found.to_series() if isinstance(found, pl.DataFrame) else found
    total = lambda found: float(first(found).cast(pl.Float64).sum())
    distinct = lambda found: float(first(found).n_unique())
    elements = lambda found: float(first(found).list.len().sum())
    in_lists = lambda found: float(first(found).list.explode().cast(pl.Float64).sum())
    years = lambda found: float(first(found).cast(pl.Int64).sum())

    classes = {
        "numeric chain": ([one(chain)], total),
        "logarithms": ([one(c("a").abs().log1p())], total),
        "buckets": (
            [
                one([compared("a", 8).alias("x"), compared("b", 40).alias("y")]),
                one([searched("a", 8).alias("x"), searched("b", 40).alias("y")]),
                one([compared("a", 8).alias("x"), searched("b", 40).alias("y")]),
            ],
            lambda frame: float(frame.filter(frame_a_is_there)["x"].sum() + frame["y"].sum()),
        ),
        "parts of a time": (
            [one([c("at").dt.hour().alias("h"), c("at").dt.weekday().alias("w"), (c("at").to_physical() // DAY).alias("d")])],
            lambda frame: float(frame["h"].cast(pl.Int64).sum() + frame["d"].sum()),
        ),
        "hash, integers": ([one(c("n").hash() % SLOTS)], distinct),
        "hash, texts 1e3": ([one(c("word").hash() % SLOTS), by_category("word", lambda words: words.hash() % SLOTS)], distinct),
        "hash, texts 1e6": ([one(c("name").hash() % SLOTS)], distinct),
        "cross, integers": ([one(pl.struct("n", "k").hash() % SLOTS), one((c("n").hash(1) ^ c("k").hash(2)) % SLOTS)], distinct),
        "cross, texts 1e3 and 1e6": (
            [one(pl.struct("word", "name").hash() % SLOTS), one((c("word").hash(1) ^ c("name").hash(2)) % SLOTS)],
            distinct,
        ),
        "vocabulary, integers 1e3": (looked_up("k"), total),
        "vocabulary, integers 1e6": (looked_up("n"), total),
        "vocabulary, integers 1e6 far apart": (looked_up("wide"), total),
        "vocabulary, texts 1e3": (looked_up("word"), total),
        "vocabulary, texts 1e6": (looked_up("name"), total),
        "split and hash, 1e3": (
            [
                one(genres.list.eval(pl.element().hash() % SLOTS)),
                by_category("genres", lambda words: words.str.split("|").list.eval(pl.element().hash() % SLOTS)),
            ],
            elements,
        ),
        "split and vocabulary, 1e6": (listed(known_tags, tags), in_lists),
        "split and pool, 1e3": (
            [
                one(lengths(genres)),
                one(mean_length(genres)),
                by_category("genres", lambda words: words.str.split("|").list.eval(pl.element().str.len_chars()).list.mean()),
            ],
            total,
        ),
        "split and pool, 1e6": ([one(lengths(tags)), one(mean_length(tags))], total),
        "keys of bags, vocabulary": (listed(known_keys, keys) + listed(known_keys, keys_by_split), in_lists),
        "keys and weights of bags": (
            with_weights(listed(known_keys, keys), pairs_by_capture) + with_weights(listed(known_keys, keys_by_split), weights_by_split),
            lambda two: in_lists(two[0]) + in_lists(two[1]),
        ),
        "regex capture, 1e3": (
            [one(c("film").str.extract(year, 1)), by_category("film", lambda words: words.str.extract(year, 1))],
            years,
        ),
        "regex capture, 1e6": ([one(c("title").str.extract(year, 1))], years),
    }
    frame_a_is_there = frame["a"].is_not_null()
    return classes


def with_pandas(folder):
    import pandas as pd
    import polars as pl

    frame = pl.read_parquet(os.path.join(folder, "columns.parquet"))
    frame = pd.DataFrame({name: frame[name].to_list() if frame[name].dtype == pl.String else frame[name].to_numpy() for name in frame.columns})
    frame["at"] = pd.to_datetime(frame["at"], unit="us")
    for name in ["word", "name", "genres", "tags", "bag", "film", "title"]:
        frame[name] = frame[name].astype("str")
    recurring = {name: frame[name].astype("category") for name in ["word", "genres", "film"]}
    f = frame
    year = r"\((\d{4})\)"

    def chain():
        filled = f["a"].fillna(1.0)
        return (((filled * 0.5 + f["b"]) * f["b"] - filled) / (f["b"].abs() + 1.0)).clip(-3.0, 3.0)

    def buckets():
        return np.searchsorted(borders(8), f["a"], side="right"), np.searchsorted(borders(40), f["b"], side="right")

    def hashed(name):
        return pd.util.hash_array(f[name].to_numpy(), categorize=False) % SLOTS

    def by_category(name, of):
        values = recurring[name].cat
        return of(values.categories.to_series()).to_numpy()[values.codes]

    def looked_up(name):
        index = pd.Index(np.sort(f[name].unique()))
        return lambda: index.get_indexer(f[name]) + 1

    def lengths(texts, separator):
        parts = texts.str.split(separator).explode()
        return parts.str.len().groupby(parts.index).mean()

    def listed(name, separator, pattern=None):
        parts = lambda: f[name].str.split(separator).explode()
        keys = lambda: parts().str.extract(pattern, expand=False) if pattern else parts()
        index = pd.Index(np.sort(keys().unique()))
        return lambda: index.get_indexer(keys()) + 1

    keys_of_bags = listed("bag", "|", "^([^:]+):")

    def with_weights():
        weights = f["bag"].str.split("|").explode().str.extract(":(.+)$", expand=False)
        return keys_of_bags(), pd.to_numeric(weights).to_numpy()

    hash_of = lambda words: pd.Series(pd.util.hash_array(words.to_numpy(), categorize=False) % SLOTS)
    total = lambda values: float(np.nansum(values))
    distinct = lambda values: float(len(np.unique(values)))
    years = lambda values: float(pd.to_numeric(pd.Series(np.asarray(values).ravel())).sum())

    def cross(*names):
        return lambda: pd.util.hash_pandas_object(f[list(names)], index=False) % SLOTS

    classes = {
        "numeric chain": (chain, total),
        "logarithms": (lambda: np.log1p(f["a"].abs()), total),
        "buckets": (buckets, lambda two: float(two[0][f["a"].notna()].sum() + two[1].sum())),
        "parts of a time": (
            lambda: (f["at"].dt.hour, f["at"].dt.day_of_week, f["at"].astype("datetime64[us]").astype("int64") // DAY),
            lambda three: float(three[0].sum() + three[2].sum()),
        ),
        "hash, integers": (lambda: hashed("n"), distinct),
        "hash, texts 1e3": (lambda: by_category("word", hash_of), distinct),
        "hash, texts 1e6": (lambda: hashed("name"), distinct),
        "cross, integers": (cross("n", "k"), distinct),
        "cross, texts 1e3 and 1e6": (cross("word", "name"), distinct),
        "vocabulary, integers 1e3": (looked_up("k"), total),
        "vocabulary, integers 1e6": (looked_up("n"), total),
        "vocabulary, integers 1e6 far apart": (looked_up("wide"), total),
        "vocabulary, texts 1e3": (looked_up("word"), total),
        "vocabulary, texts 1e6": (looked_up("name"), total),
        "split and hash, 1e3": (
            lambda: pd.util.hash_array(f["genres"].str.split("|").explode().to_numpy(dtype=object)) % SLOTS,
            lambda values: float(len(values)),
        ),
        "split and vocabulary, 1e6": (listed("tags", ","), total),
        "split and pool, 1e3": (lambda: by_category("genres", lambda words: lengths(words, "|")), total),
        "split and pool, 1e6": (lambda: lengths(f["tags"], ","), total),
        "keys of bags, vocabulary": (keys_of_bags, total),
        "keys and weights of bags": (with_weights, lambda two: total(two[0]) + total(two[1])),
        "regex capture, 1e3": (lambda: by_category("film", lambda words: words.str.extract(year, expand=False)), years),
        "regex capture, 1e6": (lambda: f["title"].str.extract(year), years),
    }
    return {name: ([work], check) for name, (work, check) in classes.items()}


def main():
    what, folder, *rest = sys.argv[1:]
    if what == "make":
        number, out = rest
        make(folder, int(number))
        with open(out, "w") as file:
            json.dump({"rows": int(number)}, file)
    else:
        on_request(with_polars(folder) if what == "polars" else with_pandas(folder))


main()

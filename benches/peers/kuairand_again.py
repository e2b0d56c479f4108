"""The tables of KuaiRand many times over, one copy behind the other, each with users and videos of its own: data sets as large as the real log.

    kuairand_again.py FROM TO TIMES OUT
"""

import json
import os
import sys

import polars as pl


def again(frame, times, ids):
    """Copies of a frame; in each the ids begin where those of the copy before it end."""
    copies = []
    for copy in range(times):
        copies.append(frame.with_columns((pl.col(name) + copy * count).alias(name) for name, count in ids.items() if name in frame.columns))
    return pl.concat(copies)


def main():
    source, target, times, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    # As texts, so that each value is written as it was read.
    users = pl.read_csv(os.path.join(source, "users.csv"), infer_schema=False).with_columns(pl.col("user_id").cast(pl.Int64))
    items = pl.read_csv(os.path.join(source, "videos.csv"), infer_schema=False).with_columns(pl.col("video_id").cast(pl.Int64))
    log = pl.read_parquet(os.path.join(source, "log.parquet"))
    ids = {"user_id": users["user_id"].max() + 1, "video_id": items["video_id"].max() + 1}
    os.makedirs(target, exist_ok=True)
    again(users, times, ids).write_csv(os.path.join(target, "users.csv"))
    again(items, times, ids).write_csv(os.path.join(target, "videos.csv"))
    again(log, times, ids).write_parquet(os.path.join(target, "log.parquet"))
    with open(out, "w") as file:
        json.dump({"rows": times * log.height, "users": times * users.height, "videos": times * items.height}, file)


main()

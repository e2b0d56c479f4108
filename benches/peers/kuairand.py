"""The fields of `benches/specs/kuairand.rec` and its label in Polars and pandas: read, joined, fitted on training rows, computed.

    kuairand.py polars|pandas FOLDER ROUNDS OUT
"""

import json
import os
import resource
import sys
import time

import numpy as np

DAY = 86_400_000_000
USERS = ["user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author", "follow_user_num_range",
         "fans_user_num_range", "friend_user_num_range", "register_days_range", "onehot_feat1", "onehot_feat2", "onehot_feat3", "onehot_feat6"]
USER_COLUMNS = ["user_id", "follow_user_num", "fans_user_num", "register_days", *USERS]
ITEM_COLUMNS = ["video_id", "author_id", "video_type", "upload_type", "visible_status", "video_duration", "server_width", "server_height", "music_id", "music_type", "tag"]
LOG_COLUMNS = ["user_id", "video_id", "is_click", "tab", "is_rand", "duration_ms", "time_ms"]


def with_polars(folder):
    import polars as pl

    c = pl.col
    users = pl.read_csv(os.path.join(folder, "users.csv"), columns=USER_COLUMNS)
    users = users.with_columns(c("is_live_streamer").replace(-124, None))
    items = pl.read_csv(os.path.join(folder, "videos.csv"), columns=ITEM_COLUMNS, schema_overrides={"tag": pl.String})
    log = pl.scan_parquet(os.path.join(folder, "log.parquet")).select(LOG_COLUMNS).collect()
    border = log["time_ms"].sort()[int(0.8 * log.height)]
    trains = log["time_ms"] < border
    seen_users = log.filter(trains).group_by("user_id").len("events")
    seen_items = log.filter(trains).group_by("video_id").len("events")
    of_users = users.join(seen_users, on="user_id", how="inner")
    of_items = items.join(seen_items, on="video_id", how="inner")

    def vocabulary(frame, name, least=1, weight="events"):
        """Values in falling order of their counts, with their ids."""
        counts = frame.lazy().drop_nulls(name).group_by(name).agg(c(weight).sum() if weight else pl.len().alias("events"))
        return counts.filter(c("events") >= least).sort(["events", name], descending=[True, False]).select(name).with_row_index("id", offset=1)

    def looked_up(frame, vocabulary, name, to):
        ids = vocabulary.rename({"id": to})
        return frame.join(ids, on=name, how="left", maintain_order="left").with_columns(c(to).fill_null(0))

    def borders(values, weights, n):
        ordered = np.argsort(values, kind="stable")
        total = np.cumsum(weights[ordered])
        at = np.searchsorted(total, total[-1] * np.arange(1, n) / n)
        return np.unique(values[ordered][at])

    def bucket(of, edges):
        return pl.lit(pl.Series(edges.astype(float))).search_sorted(of.cast(pl.Float64), side="right")

    def moments(values, weights):
        mean = np.average(values, weights=weights)
        return mean, np.sqrt(np.average((values - mean) ** 2, weights=weights))

    weights = of_users["events"].to_numpy()
    fans_mean, fans_std = moments(np.log1p(of_users["fans_user_num"].to_numpy()), weights)
    days = of_users["register_days"]
    follow = borders(of_users["follow_user_num"].to_numpy(), weights, 20)
    u = users.lazy()
    for name in USERS:
        u = looked_up(u, vocabulary(of_users, name), name, f"u_{name}")
    u = looked_up(u, vocabulary(of_users, "user_id", 3), "user_id", "u_id").select(
        "user_id", "user_active_degree", "u_id", *[f"u_{name}" for name in USERS],
        bucket(c("follow_user_num"), follow).alias("u_follow"),
        ((c("fans_user_num").log1p() - fans_mean) / fans_std).alias("u_fans"),
        ((c("register_days") - days.min()) / (days.max() - days.min())).clip(0, 1).alias("u_days"),
    )

    weights = of_items["events"].to_numpy()
    shape = (c("server_width").fill_null(1.0) / c("server_height").fill_null(1.0)).clip(0.2, 5.0)
    shape_mean, shape_std = moments(of_items.select(shape).to_series().to_numpy(), weights)
    length = borders(of_items["video_duration"].fill_null(0.0).to_numpy(), weights, 20)
    width = np.array([480.0, 540, 720, 1080])
    filled = [c(name).fill_null(0.0).cast(pl.Int64).alias(name) for name in ["visible_status", "music_type"]]
    of_filled = of_items.with_columns(filled)
    i = items.lazy().with_columns(filled)
    for name, least in [("video_id", 3), ("author_id", 3), ("video_type", 1), ("upload_type", 1), ("visible_status", 1), ("music_type", 1)]:
        i = looked_up(i, vocabulary(of_filled, name, least), name, f"i_{name}")
    tags = c("tag").str.split(",")
    known = vocabulary(of_items.with_columns(tags).explode("tag"), "tag")
    parts = looked_up(items.lazy().select("video_id", tags.alias("tag")).explode("tag"), known, "tag", "i_tags")
    listed = parts.group_by("video_id", maintain_order=True).agg("i_tags")
    i = i.join(listed, on="video_id", how="left", maintain_order="left").select(
        "video_id", "i_tags", *[f"i_{name}" for name in ["video_id", "author_id", "video_type", "upload_type", "visible_status", "music_type"]],
        bucket(c("video_duration").fill_null(0.0), length).alias("i_length"),
        ((shape - shape_mean) / shape_std).alias("i_shape"),
        bucket(c("server_width").fill_null(0.0), width).alias("i_width"),
        (c("music_id").hash() % 10_000).alias("i_music"),
        tags.list.len().fill_null(0).alias("i_tag_count"),
    )

    training = log.filter(trains)
    seconds = (c("duration_ms") / 1000).log1p()
    mean, std = moments(training.select(seconds).to_series().to_numpy(), np.ones(training.height))
    duration = borders(training["duration_ms"].to_numpy(), np.ones(training.height), 20)
    at = pl.from_epoch("time_ms", time_unit="ms")
    v = log.lazy()
    for name in ["tab", "is_rand"]:
        v = looked_up(v, vocabulary(training, name, weight=None), name, f"v_{name}")
    joined = v.join(u, on="user_id", how="left", maintain_order="left").join(i, on="video_id", how="left", maintain_order="left")
    return joined.select(
        pl.selectors.starts_with("u_"), pl.selectors.starts_with("i_"), "v_tab", "v_is_rand",
        at.dt.hour().alias("v_hour"), at.dt.weekday().alias("v_weekday"),
        ((seconds - mean) / std).alias("v_seconds"),
        bucket(c("duration_ms"), duration).alias("v_length"),
        ((c("tab").hash(1) ^ at.dt.hour().hash(2)) % 1000).alias("v_slot"),
        ((c("user_active_degree").hash(1) ^ c("tab").hash(2)) % 1000).alias("v_who_where"),
        (c("is_click") == 1).alias("v_click"),
    ).collect()


def with_pandas(folder):
    import pandas as pd
    import polars as pl

    users = pd.read_csv(os.path.join(folder, "users.csv"), usecols=USER_COLUMNS)
    users["is_live_streamer"] = users["is_live_streamer"].replace(-124, np.nan)
    items = pd.read_csv(os.path.join(folder, "videos.csv"), usecols=ITEM_COLUMNS, dtype={"tag": "str"})
    log = pd.DataFrame({name: column.to_numpy() for name, column in pl.read_parquet(os.path.join(folder, "log.parquet"), columns=LOG_COLUMNS).to_dict().items()})
    border = np.sort(log["time_ms"])[int(0.8 * len(log))]
    training = log[log["time_ms"] < border]
    of_users = users.merge(training.groupby("user_id").size().rename("events"), on="user_id")
    of_items = items.merge(training.groupby("video_id").size().rename("events"), on="video_id")

    def vocabulary(values, weights, least=1):
        counts = weights.groupby(values).sum()
        counts = counts[counts >= least]
        return pd.Index(counts.sort_values(ascending=False, kind="stable").index)

    def looked_up(known, values):
        return known.get_indexer(values) + 1

    def borders(values, weights, n):
        ordered = np.argsort(values, kind="stable")
        total = np.cumsum(weights[ordered])
        at = np.searchsorted(total, total[-1] * np.arange(1, n) / n)
        return np.unique(values[ordered][at])

    def scaled(values, known, weights):
        mean = np.average(known, weights=weights)
        return (values - mean) / np.sqrt(np.average((known - mean) ** 2, weights=weights))

    weights = of_users["events"].to_numpy()
    u = {"user_id": users["user_id"], "u_id": looked_up(vocabulary(of_users["user_id"], of_users["events"], 3), users["user_id"])}
    for name in USERS:
        u[f"u_{name}"] = looked_up(vocabulary(of_users[name], of_users["events"]), users[name])
    u["u_follow"] = np.searchsorted(borders(of_users["follow_user_num"].to_numpy(), weights, 20), users["follow_user_num"], side="right")
    u["u_fans"] = scaled(np.log1p(users["fans_user_num"]), np.log1p(of_users["fans_user_num"]), weights)
    low, high = of_users["register_days"].min(), of_users["register_days"].max()
    u["u_days"] = ((users["register_days"] - low) / (high - low)).clip(0, 1)
    u["degree"] = users["user_active_degree"]

    weights = of_items["events"].to_numpy()
    shape = lambda frame: (frame["server_width"].fillna(1.0) / frame["server_height"].fillna(1.0)).clip(0.2, 5.0)
    whole = lambda values: values.fillna(0.0).astype(int)
    i = {"video_id": items["video_id"]}
    for name, least in [("video_id", 3), ("author_id", 3), ("video_type", 1), ("upload_type", 1)]:
        i[f"i_{name}"] = looked_up(vocabulary(of_items[name], of_items["events"], least), items[name])
    for name in ["visible_status", "music_type"]:
        i[f"i_{name}"] = looked_up(vocabulary(whole(of_items[name]), of_items["events"]), whole(items[name]))
    parts = items["tag"].str.split(",").explode()
    of_parts = of_items.assign(tag=of_items["tag"].str.split(",")).explode("tag")
    ids = pd.Series(looked_up(vocabulary(of_parts["tag"], of_parts["events"]), parts), index=parts.index)
    i["i_tags"] = ids.groupby(level=0).agg(list)
    i["i_tag_count"] = items["tag"].str.split(",").str.len().fillna(0)
    i["i_length"] = np.searchsorted(borders(of_items["video_duration"].fillna(0.0).to_numpy(), weights, 20), items["video_duration"].fillna(0.0), side="right")
    i["i_shape"] = scaled(shape(items), shape(of_items), weights)
    i["i_width"] = np.searchsorted([480, 540, 720, 1080], items["server_width"].fillna(0.0), side="right")
    i["i_music"] = pd.util.hash_array(items["music_id"].to_numpy()) % 10_000

    joined = log.merge(pd.DataFrame(u), on="user_id", how="left").merge(pd.DataFrame(i), on="video_id", how="left")
    at = pd.to_datetime(joined["time_ms"], unit="ms")
    ones = pd.Series(np.ones(len(training)), index=training.index)
    for name in ["tab", "is_rand"]:
        joined[f"v_{name}"] = looked_up(vocabulary(training[name], ones), joined[name])
    joined["v_hour"], joined["v_weekday"] = at.dt.hour, at.dt.day_of_week
    seconds = lambda frame: np.log1p(frame["duration_ms"] / 1000)
    joined["v_seconds"] = scaled(seconds(joined), seconds(training), ones)
    joined["v_length"] = np.searchsorted(borders(training["duration_ms"].to_numpy(), ones.to_numpy(), 20), joined["duration_ms"], side="right")
    joined["v_slot"] = pd.util.hash_pandas_object(joined[["tab", "v_hour"]], index=False) % 1000
    joined["v_who_where"] = pd.util.hash_pandas_object(joined[["degree", "tab"]], index=False) % 1000
    joined["v_click"] = joined["is_click"] == 1
    return joined[[name for name in joined.columns if name[:2] in ("u_", "i_", "v_")]]


def main():
    what, folder, rounds, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    work = {"polars": with_polars, "pandas": with_pandas}[what]
    taken = []
    for _ in range(rounds):
        clock, processors = time.perf_counter(), time.process_time()
        fields = work(folder)
        taken.append([time.perf_counter() - clock, time.process_time() - processors])
    found = {"seconds": taken, "rows": len(fields), "fields": len(fields.columns), "names": list(fields.columns)}
    found["peak bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open(out, "w") as file:
        json.dump(found, file)


main()

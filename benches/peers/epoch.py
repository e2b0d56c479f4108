"""From files of parquet to a trained epoch of `benches/specs/epoch.rec`, as an expert writes it with pyarrow and PyTorch.

    epoch.py DATA BATCH THREADS OUT     the mean loss of the epoch and of its last tenth; the whole process is timed from outside

pyarrow reads the columns that are used and encodes ids as a dictionary, numpy sorts the clicks of all users once, so that a history is
a range of one array, and a thread makes batches ahead by whole-array operations. The model is `Tiled` of train.py. Weights are saved in the end.
"""

import queue
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet

from train import DIM, LONGEST, RowwiseTable, Tiled, drawn, peak_bytes, save

AHEAD = 3


def encoded(column):
    """Each id as a number from 0 in the order of first appearance, and how many there are."""
    column = column.combine_chunks().dictionary_encode()
    return column.indices.to_numpy().astype(np.int64), len(column.dictionary)


class Clicks:
    def __init__(self, folder):
        table = parquet.read_table(Path(folder) / "clicks.parquet", columns=["user_id", "item_id", "at"])
        self.user, self.users = encoded(table["user_id"])
        self.item, self.items = encoded(table["item_id"])
        at = table["at"].cast(pa.int64()).to_numpy()
        # A user's clicks back to back, in the order of time.
        order = np.lexsort((at, self.user))
        sorted_user, sorted_at = self.user[order], at[order]
        places = np.arange(len(order))
        first = np.r_[True, sorted_user[1:] != sorted_user[:-1]]
        # Clicks of one instant do not see each other.
        fresh = first | np.r_[True, sorted_at[1:] != sorted_at[:-1]]
        ends = np.maximum.accumulate(np.where(fresh, places, 0))
        starts = np.maximum(np.maximum.accumulate(np.where(first, places, 0)), ends - LONGEST)
        self.sorted_item = self.item[order]
        self.starts, self.ends = np.empty_like(starts), np.empty_like(ends)
        self.starts[order], self.ends[order] = starts, ends
        counts = np.bincount(self.item, minlength=self.items)
        self.log_share = np.log(counts / len(order)).astype(np.float32)

    def __len__(self):
        return len(self.user)


class Batch:
    """What `Tiled` reads, of some rows."""

    def __init__(self, clicks, rows):
        size = len(rows)
        starts = clicks.starts[rows]
        lengths = clicks.ends[rows] - starts
        offsets = np.cumsum(lengths) - lengths
        places = np.arange(lengths.sum()) + np.repeat(starts - offsets, lengths)
        item = clicks.item[rows]
        tensor = torch.from_numpy
        self.size, self.user, self.items = size, tensor(clicks.user[rows]), tensor(item)
        self.rows, self.log_count = self.items, tensor(clicks.log_share[item] + np.float32(np.log(size)))
        self.history, self.starts = tensor(clicks.sorted_item[places]), tensor(offsets)


def batches(clicks, size, seed=0):
    order = np.random.default_rng(seed).permutation(len(clicks))
    ready = queue.Queue(AHEAD)

    def make():
        for first in range(0, len(order), size):
            ready.put(Batch(clicks, order[first : first + size]))
        ready.put(None)

    threading.Thread(target=make, daemon=True).start()
    return iter(ready.get, None)


class Model(Tiled):
    """Tables of two sizes."""

    def __init__(self, users, items):
        super().__init__(1, None)
        table = lambda rows: RowwiseTable(drawn(torch.empty(rows, DIM)))
        self.users, self.items = table(users), table(items)


def train(folder, size, threads, out):
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    clicks = Clicks(folder)
    model = Model(clicks.users, clicks.items)
    losses = [model.step(batch) for batch in batches(clicks, int(size))]
    weights = {"users": model.users.weights, "items": model.items.weights, **model.towers.state_dict()}
    torch.save(weights, Path(out).with_suffix(".pt"))
    last = losses[-(len(losses) // 10) :]
    told = {"steps": len(losses), "items": clicks.items, "mean": np.mean(losses), "last": np.mean(last)}
    save(out, {**{name: float(value) for name, value in told.items()}, "peak bytes": peak_bytes()})


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    train(*sys.argv[1:])

"""The exact best 50 of a catalogue for each query as a bare program in PyTorch finds them: products of a block of queries with all
items, and `topk` of each row.

    catalogue.py DATA QUERIES THREADS OUT     the seconds of each of seven turns, for the best of several sizes of a block
"""

import sys
import time
from pathlib import Path

import torch
from pyarrow import parquet

from train import DIM, peak_bytes, save

BLOCKS, TURNS, BEST = [32, 128, 512], 7, 50


def measure(folder, queries, threads, out):
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    unit = lambda count: torch.nn.functional.normalize(torch.randn(int(count), DIM), dim=1)
    items = unit(parquet.read_metadata(Path(folder) / "items.parquet").num_rows)
    queries = unit(queries)
    found = torch.empty(len(queries), BEST, dtype=torch.int64)

    def turn(block):
        scores = torch.empty(block, len(items))
        for first in range(0, len(queries), block):
            part = queries[first : first + block]
            torch.mm(part, items.T, out=scores[: len(part)])
            found[first : first + block] = scores[: len(part)].topk(BEST, dim=1).indices

    seconds = {block: [] for block in BLOCKS}
    for _ in range(TURNS + 1):
        for block in BLOCKS:
            began = time.perf_counter()
            turn(block)
            seconds[block].append(time.perf_counter() - began)
    # The first turn warms up.
    best = min(BLOCKS, key=lambda block: sorted(seconds[block][1:])[TURNS // 2])
    save(out, {"seconds": seconds[best][1:], "items": len(items), "block": best, "peak bytes": peak_bytes()})


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    measure(*sys.argv[1:])

"""The two towers of `benches/specs/two_tower.rec` as other libraries train them.

    train.py make DATA ROWS EVENTS OUT               parquet files with items by a Zipf law
    train.py gate CONTENDER TRACE OUT                its losses of a trace's steps, from the trace's weights and batches
    train.py time CONTENDER TRACE ROWS WARM STEPS THREADS OUT
                                                     seconds of each step after the warm ones, from weights of its own, and
                                                     the peak of memory
    train.py distinct TRACE OUT                      how many rows of tables the trace's batches read, each once
    train.py roofline THREADS OUT                    the rates of products of matrices and of copies here

Contenders: tiled (an expert's PyTorch: scores by tiles of 256 rows with their gradients, bags, row-wise Adagrad on the distinct
rows), eager (padded histories, sparse Adam) and fbgemm (the fused bags with row-wise Adagrad under TorchRec). torch.compile is
in compiled.py, TorchRec's own layers in torchrec_layers.py.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

DIM, HIDDEN, TEMPERATURE, LONGEST = 64, 256, 0.07, 50
TABLE_RATE, DENSE_RATE = 0.05, 1e-3
TILE = 256
USERS = 10_000


def make(folder, rows, events, out):
    """`events` clicks of 10,000 users on as many items as the tables have rows; files name those that someone clicked."""
    import pyarrow as pa
    from pyarrow import parquet

    folder, rows, events = Path(folder), int(rows), int(events)
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    shares = np.arange(1, rows + 1, dtype=np.float64) ** -1.05
    ranks = np.searchsorted(np.cumsum(shares) / shares.sum(), generator.random(events))
    item = generator.permutation(rows)[np.minimum(ranks, rows - 1)]
    user = generator.integers(0, USERS, events)
    write = lambda name, columns: parquet.write_table(pa.table(columns), folder / name)
    write("users.parquet", {"user_id": np.arange(USERS)})
    write("items.parquet", {"item_id": np.unique(item)})
    at = pa.array((1_700_000_000 + np.arange(events)) * 1_000, pa.timestamp("ms"))
    like, share = generator.random(events) < 0.4, generator.random(events) < 0.1
    write("clicks.parquet", {"user_id": user, "item_id": item, "like": like, "share": share, "at": at})
    save(out, {"items": int(len(np.unique(item)))})


class Batch:
    """The inputs of a step by the names that the plan prints."""

    def __init__(self, path):
        x = load_file(path)
        # Reckon has each item of the batch once; the others have a candidate for each row.
        own = x["item.in.item@C"]
        self.user, self.items = x["user.id"], x["item@C.id"][own]
        self.rows, self.log_count = x["item@C.row"][own], x["item@C.log_count"][own]
        self.lists(x, len(self.items))

    def lists(self, x, size):
        self.history, self.segments, self.size = x["click.history.item.id"], x["click.history.segments"], size
        self.lengths = torch.bincount(self.segments, minlength=self.size)
        self.starts = torch.cumsum(self.lengths, 0) - self.lengths

    def padded(self):
        """Histories as a matrix with their mask."""
        place = torch.arange(len(self.history)) - self.starts[self.segments]
        ids = torch.zeros(self.size, LONGEST, dtype=torch.int64)
        ids[self.segments, place] = self.history
        return ids, torch.arange(LONGEST) < self.lengths[:, None]


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.viewer, self.thing = tower(2 * DIM), tower(DIM)

    def smooth(self):
        """Another activation, as at the kink of a relu rounding decides whether a gradient flows."""
        self.viewer[1] = self.thing[1] = nn.SiLU()

    def viewers(self, x):
        return F.normalize(self.viewer(x), dim=1, eps=1e-6)

    def things(self, x):
        return F.normalize(self.thing(x), dim=1, eps=1e-6)

    @torch.no_grad()
    def load(self, stored):
        for name, layers in [("viewer", self.viewer), ("thing", self.thing)]:
            for path, layer in [("mlp.0.linear", layers[0]), ("mlp.linear", layers[2])]:
                layer.weight.copy_(stored[f"{name}.{path}.weight"].T)
                layer.bias.copy_(stored[f"{name}.{path}.bias"])


def tower(width):
    layers = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIM))
    for layer in (layers[0], layers[2]):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return layers


class TiledSoftmax(torch.autograd.Function):
    """The mean softmax cross-entropy over the batch's own items. Both gradients are made while a tile is at hand, so that
    the matrix of scores is never stored."""

    @staticmethod
    def forward(context, viewers, things, log_count, rows):
        size = len(viewers)
        of_viewers, of_things = torch.empty_like(viewers), torch.zeros_like(things)
        total = viewers.new_zeros(())
        for first in range(0, size, TILE):
            last = min(first + TILE, size)
            tile, own = viewers[first:last], torch.arange(first, last)
            scores = torch.addmm(-log_count.expand(last - first, -1), tile, things.T, alpha=1 / TEMPERATURE)
            same = rows[first:last, None] == rows
            same[torch.arange(last - first), own] = False
            scores.masked_fill_(same, -1e9)
            own_scores = scores[torch.arange(last - first), own]
            largest = scores.amax(1, keepdim=True)
            shares = scores.sub_(largest).exp_()
            sums = shares.sum(1, keepdim=True)
            total += (largest + sums.log()).sum() - own_scores.sum()
            shares.div_(sums)
            shares[torch.arange(last - first), own] -= 1
            torch.mm(shares, things, out=of_viewers[first:last])
            of_things.addmm_(shares.T, tile)
        scale = 1 / (TEMPERATURE * size)
        context.save_for_backward(of_viewers.mul_(scale), of_things.mul_(scale))
        return total / size

    @staticmethod
    def backward(context, of_loss):
        of_viewers, of_things = context.saved_tensors
        return of_viewers * of_loss, of_things * of_loss, None, None


def whole_softmax(viewers, things, log_count, rows):
    return cross_entropy(viewers @ things.T, log_count, rows)


def cross_entropy(products, log_count, rows):
    """The mean over the batch's own items, of products `[B, B]`."""
    scores = products / TEMPERATURE - log_count
    same = (rows[:, None] == rows) & ~torch.eye(len(rows), dtype=torch.bool)
    return F.cross_entropy(scores.masked_fill(same, -1e9), torch.arange(len(rows)))


def drawn(weights, deviation=0.05):
    """Normal weights in place; those of large tables repeat, as what a step takes does not depend on them."""
    part = weights[:100_000].normal_(0, deviation)
    for first in range(len(part), len(weights), len(part)):
        rest = weights[first : first + len(part)]
        rest.copy_(part[: len(rest)])
    return weights


class RowwiseTable:
    """A table whose distinct rows of a batch are a small leaf, and their update one step of row-wise Adagrad."""

    def __init__(self, weights):
        self.weights, self.sums = weights, torch.zeros(len(weights))

    def take(self, ids):
        """The distinct rows as a leaf, and where each id is among them."""
        self.distinct, places = torch.unique(ids, return_inverse=True)
        self.leaf = self.weights[self.distinct].requires_grad_()
        return self.leaf, places

    @torch.no_grad()
    def step(self):
        gradient, ids = self.leaf.grad, self.distinct
        sums = self.sums[ids] + gradient.square().mean(1)
        self.sums[ids] = sums
        self.weights.index_add_(0, ids, gradient / (sums.sqrt() + 1e-8).unsqueeze(1), alpha=-TABLE_RATE)


class Tiled:
    """Expert PyTorch."""

    softmax = staticmethod(TiledSoftmax.apply)

    def __init__(self, rows, stored):
        self.towers = Towers()
        if stored:
            self.towers.load(stored)
        weights = lambda path: stored[path].clone() if stored else drawn(torch.empty(rows, DIM))
        self.users, self.items = RowwiseTable(weights("main/user/id")), RowwiseTable(weights("main/item/id"))
        self.dense = torch.optim.Adam(self.towers.parameters(), lr=DENSE_RATE, fused=True)

    def loss(self, batch):
        users, at = self.users.take(batch.user)
        items, places = self.items.take(torch.cat([batch.items, batch.history]))
        recent = F.embedding_bag(places[batch.size :], items, batch.starts, mode="mean")
        viewers = self.towers.viewers(torch.cat([users[at], recent], 1))
        things = self.towers.things(items[places[: batch.size]])
        return self.softmax(viewers, things, batch.log_count, batch.rows)

    def step(self, batch):
        self.dense.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        self.dense.step()
        self.users.step()
        self.items.step()
        return loss.item()


class Eager:
    """PyTorch as most would write it: `nn.Embedding(sparse=True)`, padded histories, sparse Adam."""

    def __init__(self, rows, stored):
        assert not stored, "sparse Adam is another optimiser: nothing to compare losses with"
        self.towers = Towers()
        self.users, self.items = (nn.Embedding(rows, DIM, sparse=True, _weight=drawn(torch.empty(rows, DIM))) for _ in range(2))
        self.dense = torch.optim.Adam(self.towers.parameters(), lr=DENSE_RATE)
        self.sparse = torch.optim.SparseAdam([self.users.weight, self.items.weight], lr=DENSE_RATE)

    def step(self, batch):
        self.dense.zero_grad()
        self.sparse.zero_grad()
        ids, mask = batch.padded()
        recent = (self.items(ids) * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        viewers = self.towers.viewers(torch.cat([self.users(batch.user), recent], 1))
        loss = whole_softmax(viewers, self.towers.things(self.items(batch.items)), batch.log_count, batch.rows)
        loss.backward()
        self.dense.step()
        self.sparse.step()
        return loss.item()


class Fbgemm:
    """FBGEMM's fused table-batched bags with exact row-wise Adagrad, the kernels under TorchRec, called without TorchRec's own layers;
    the softmax is whole. The bag of a history is its mean, that of a candidate its row."""

    def __init__(self, rows, stored):
        from fbgemm_gpu.split_embedding_configs import EmbOptimType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation, PoolingMode
        from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
            ComputeDevice,
            SplitTableBatchedEmbeddingBagsCodegen,
        )

        self.towers = Towers()
        if stored:
            self.towers.load(stored)
        self.bags = SplitTableBatchedEmbeddingBagsCodegen(
            embedding_specs=[(rows, DIM, EmbeddingLocation.HOST, ComputeDevice.CPU)] * 2,
            feature_table_map=[0, 1, 1],
            optimizer=EmbOptimType.EXACT_ROWWISE_ADAGRAD,
            learning_rate=TABLE_RATE,
            eps=1e-8,
            pooling_mode=PoolingMode.MEAN,
            device=torch.device("cpu"),
        )
        with torch.no_grad():
            for table, path in zip(self.bags.split_embedding_weights(), ["main/user/id", "main/item/id"], strict=True):
                if stored:
                    table.copy_(stored[path])
                else:
                    drawn(table)
        self.dense = torch.optim.Adam(self.towers.parameters(), lr=DENSE_RATE, fused=True)

    def step(self, batch):
        self.dense.zero_grad()
        ones = torch.ones_like(batch.user)
        ids = torch.cat([batch.user, batch.items, batch.history])
        offsets = F.pad(torch.cumsum(torch.cat([ones, ones, batch.lengths]), 0), (1, 0))
        users, items, recent = self.bags(ids, offsets).split(DIM, 1)
        viewers = self.towers.viewers(torch.cat([users, recent], 1))
        loss = whole_softmax(viewers, self.towers.things(items), batch.log_count, batch.rows)
        loss.backward()
        self.dense.step()
        return loss.item()


CONTENDERS = {"tiled": Tiled, "eager": Eager, "fbgemm": Fbgemm}


def batches_of(trace, batch):
    return [batch(path) for path in sorted(Path(trace).glob("step-*.safetensors"))]


def gate(contender, trace, out, models=CONTENDERS, batch=Batch):
    """The losses of all steps, to be compared with those of the trace."""
    stored = load_file(Path(trace) / "initial.safetensors")
    model = models[contender](len(stored["main/item/id"]), stored)
    if hasattr(model, "towers"):
        # The trace is of smooth towers.
        model.towers.smooth()
    theirs = [outputs["total_loss"] for outputs in json.loads((Path(trace) / "losses.json").read_text())]
    losses = [model.step(batch) for batch in batches_of(trace, batch)]
    apart = max(abs(one - other) / abs(other) for one, other in zip(losses, theirs, strict=True))
    save(out, {"difference": apart, "first": losses[0], "last": losses[-1]})


def measure(contender, trace, rows, warm, steps, threads, out, models=CONTENDERS, batch=Batch):
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    batches = batches_of(trace, batch)
    model = models[contender](int(rows), None)
    turns = [batches[number % len(batches)] for number in range(int(warm) + int(steps))]
    # A library that has a loop of its own tells what its steps took.
    seconds = model.seconds(turns) if hasattr(model, "seconds") else seconds_of(model.step, turns)
    save(out, {"seconds": seconds[int(warm) :], "peak bytes": peak_bytes(), **distinct_in(batches)})


def seconds_of(step, turns):
    seconds = []
    for batch in turns:
        began = time.perf_counter()
        step(batch)
        seconds.append(time.perf_counter() - began)
    return seconds


def distinct(trace, out):
    save(out, distinct_in(batches_of(trace, Batch)))


def distinct_in(batches):
    """Means over the batches."""
    mean = lambda counts: float(np.mean(list(counts)))
    items = mean(len(torch.unique(torch.cat([batch.items, batch.history]))) for batch in batches)
    users = mean(0 if batch.user is None else len(torch.unique(batch.user)) for batch in batches)
    return {"distinct": items, "distinct rows": items + users}


def peak_bytes():
    """The most memory that this process has had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(peak.split()[1])


def roofline(threads, out):
    """GFLOP/s of a product of matrices, and GB/s of a copy (read and written bytes)."""
    torch.set_num_threads(int(threads))

    def best(work, amount):
        seconds = []
        for _ in range(12):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        return amount / min(seconds) / 1e9

    square, other = torch.randn(2048, 2048), torch.randn(2048, 2048)
    result = torch.empty(2048, 2048)
    rows, items = torch.randn(256, DIM), torch.randn(4096, DIM)
    tile = torch.empty(256, 4096)
    far, near = torch.randn(1 << 26), torch.empty(1 << 26)
    found = {
        "square products": best(lambda: torch.mm(square, other, out=result), 2 * 2048**3),
        "scores of a tile": best(lambda: torch.mm(rows, items.T, out=tile), 2 * 256 * 4096 * DIM),
        "copy": best(lambda: near.copy_(far), 2 * 4 * (1 << 26)),
    }
    save(out, found)


def save(path, result):
    Path(path).write_text(json.dumps(result))


if __name__ == "__main__":
    verbs = {"make": make, "gate": gate, "time": measure, "distinct": distinct, "roofline": roofline}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])

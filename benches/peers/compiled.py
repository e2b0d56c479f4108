"""The two towers of train.py under torch.compile.

    compiled.py gate CONTENDER TRACE OUT
    compiled.py time CONTENDER TRACE ROWS WARM STEPS THREADS OUT      as in train.py

Contenders: compiled-bags (an expert's look-ups and updates of distinct rows, with towers and the whole softmax compiled), compiled-dense (the
whole loss compiled, look-ups among it, over tables with gradients of their full size) and compiled-sparse (the same with sparse gradients, which
torch.compile does not take). Answers hold `failed` with the reason where one does not run.
"""

import sys

import torch
from torch import nn
from torch.nn import functional as F

import train
from train import DENSE_RATE, DIM, TABLE_RATE, Tiled, Towers, drawn, save, whole_softmax


class Bags(Tiled):
    """Look-ups and updates as in `Tiled`, since the number of distinct rows differs from batch to batch."""

    def __init__(self, rows, stored):
        super().__init__(rows, stored)

        def dense(users, recent, items, log_count, rows):
            viewers = self.towers.viewers(torch.cat([users, recent], 1))
            return whole_softmax(viewers, self.towers.things(items), log_count, rows)

        self.compiled = torch.compile(dense, dynamic=False)

    def loss(self, batch):
        users, at = self.users.take(batch.user)
        items, places = self.items.take(torch.cat([batch.items, batch.history]))
        recent = F.embedding_bag(places[batch.size :], items, batch.starts, mode="mean")
        return self.compiled(users[at], recent, items[places[: batch.size]], batch.log_count, batch.rows)


class Whole:
    """The whole loss in one graph, with padded histories, as the lengths of jagged ones differ from batch to batch."""

    sparse = False

    def __init__(self, rows, stored):
        self.towers = Towers()
        if stored:
            self.towers.load(stored)
        weights = lambda path: stored[path].clone() if stored else drawn(torch.empty(rows, DIM))
        table = lambda path: nn.Embedding(rows, DIM, sparse=self.sparse, _weight=weights(path))
        self.users, self.items = table("main/user/id"), table("main/item/id")
        self.sums = [torch.zeros(rows, 1) for _ in range(2)]
        self.dense = torch.optim.Adam(self.towers.parameters(), lr=DENSE_RATE, fused=True)
        self.loss = torch.compile(self.whole_loss, dynamic=False)
        self.update = torch.compile(rowwise_adagrad, dynamic=False)

    def whole_loss(self, user, own, ids, mask, log_count, rows):
        recent = (self.items(ids) * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        viewers = self.towers.viewers(torch.cat([self.users(user), recent], 1))
        return whole_softmax(viewers, self.towers.things(self.items(own)), log_count, rows)

    def step(self, batch):
        self.dense.zero_grad()
        tables = [self.users.weight, self.items.weight]
        for table in tables:
            table.grad = None
        loss = self.loss(batch.user, batch.items, *batch.padded(), batch.log_count, batch.rows)
        loss.backward()
        self.dense.step()
        with torch.no_grad():
            for table, sums in zip(tables, self.sums, strict=True):
                self.update(table, table.grad, sums)
        return loss.item()


class Sparse(Whole):
    sparse = True


def rowwise_adagrad(table, gradient, sums):
    """One step in which rows without a gradient stay as they are."""
    sums.add_(gradient.square().mean(1, keepdim=True))
    table.sub_(TABLE_RATE * gradient / (sums.sqrt() + 1e-8))


CONTENDERS = {"compiled-bags": Bags, "compiled-dense": Whole, "compiled-sparse": Sparse}


def run(verb, *words):
    try:
        verb(*words, models=CONTENDERS)
    except Exception as error:
        # What torch.compile raises is of many kinds; that it does not run is what is found.
        reason = str(error).strip().splitlines()
        save(words[-1], {"failed": f"{type(error).__name__}: {reason[0] if reason else 'no reason given'}"})


if __name__ == "__main__":
    verbs = {"gate": train.gate, "time": train.measure}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs or sys.argv[2] not in CONTENDERS:
        sys.exit(__doc__)
    run(verbs[sys.argv[1]], *sys.argv[2:])

"""The nearest that torch-rechub ships to the two towers of train.py: its DSSM with its MatchTrainer and negatives of the batch.

    rechub.py time torch-rechub-dssm TRACE ROWS WARM STEPS THREADS OUT     as in train.py

What differs, and why its losses are not compared: layers of batch normalisation in the towers, also behind the last; scores without temperature,
without the correction for popularity, without a mask; candidates in an order drawn anew for each row; Adam with weight decay over whole
tables. Histories are padded with the item 0.
"""

import sys
import time

import torch
from torch_rechub.basic.features import SequenceFeature, SparseFeature
from torch_rechub.models.matching import DSSM
from torch_rechub.trainers import MatchTrainer

import train
from train import DIM, HIDDEN, TEMPERATURE


class Told(torch.optim.Adam):
    """Adam that notes when each step ended, as the trainer's loop does not tell."""

    def __init__(self, *words, **named):
        super().__init__(*words, **named)
        self.ends = []

    def step(self, closure=None):
        super().step(closure)
        self.ends.append(time.perf_counter())


class Dssm:
    def __init__(self, rows, stored):
        assert not stored, "another model: nothing to compare losses with"
        user = SparseFeature("user", rows, DIM)
        item = SparseFeature("item", rows, DIM)
        recent = SequenceFeature("recent", rows, DIM, pooling="mean", shared_with="item", padding_idx=0)
        tower = {"dims": [HIDDEN, DIM]}
        model = DSSM([user, recent], [item], tower, tower, temperature=TEMPERATURE)
        self.trainer = MatchTrainer(model, mode=2, in_batch_neg=True, optimizer_fn=Told)

    def seconds(self, turns):
        batches = [
            ({"user": batch.user, "item": batch.items, "recent": batch.padded()[0]}, torch.ones(batch.size))
            for batch in turns
        ]
        began = time.perf_counter()
        self.trainer.train_one_epoch(batches)
        ends = [began, *self.trainer.optimizer.ends]
        return [end - start for start, end in zip(ends, ends[1:])]


if __name__ == "__main__":
    if sys.argv[1:3] != ["time", "torch-rechub-dssm"]:
        sys.exit(__doc__)
    train.measure(*sys.argv[2:], models={"torch-rechub-dssm": Dssm})

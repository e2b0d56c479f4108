"""The nearest that deepctr-torch ships to `benches/specs/mmoe.rec`: its MMOE with its own `fit`.

    deepctr.py time deepctr-torch-mmoe TRACE ROWS WARM STEPS THREADS OUT     as in train.py

What differs, and why its losses are not compared: Adam over whole tables, and weights that decay, those of whole tables among them; losses are summed over
the batch; the last layers of the heads have no bias. The time of a step holds its own loader, which collects a batch row by row from
one matrix of numbers.
"""

import sys
import time
import types

import numpy as np
import torch

# Its import asks the network for its latest version, which is no part of training.
sys.modules["requests"] = types.ModuleType("requests")

from deepctr_torch.inputs import SparseFeat, VarLenSparseFeat
from deepctr_torch.models import MMOE

import train
from models import Inputs, Mmoe
from rechub import Told
from train import DIM, LONGEST


class Shipped:
    def __init__(self, rows, stored):
        assert not stored, "another optimiser: nothing to compare losses with"
        sparse = lambda name, table: SparseFeat(name, rows, DIM, embedding_name=table)
        recent = VarLenSparseFeat(sparse("recent", "item"), LONGEST, combiner="mean", length_name="length")
        self.model = MMOE(
            [sparse("user", "user"), sparse("item", "item"), recent],
            num_experts=Mmoe.EXPERTS,
            expert_dnn_hidden_units=(Mmoe.HIDDEN, Mmoe.OUT),
            gate_dnn_hidden_units=(),
            tower_dnn_hidden_units=(Mmoe.HEAD,),
            task_names=("like", "share"),
        )
        self.adam = Told(self.model.parameters())
        self.model.compile(self.adam, loss=["binary_crossentropy", "binary_crossentropy"])

    def seconds(self, turns):
        together = lambda of: np.concatenate([of(batch).numpy() for batch in turns])
        inputs = {
            "user": together(lambda batch: batch.user),
            "item": together(lambda batch: batch.items),
            "recent": together(lambda batch: batch.padded()[0]),
            "length": together(lambda batch: batch.lengths),
        }
        labels = together(lambda batch: batch.labels.T)
        began = time.perf_counter()
        self.model.fit(inputs, labels, batch_size=turns[0].size, epochs=1, verbose=0, shuffle=False)
        ends = [began, *self.adam.ends]
        return [end - start for start, end in zip(ends, ends[1:])]


if __name__ == "__main__":
    if sys.argv[1:3] != ["time", "deepctr-torch-mmoe"]:
        sys.exit(__doc__)
    train.measure(*sys.argv[2:], models={"deepctr-torch-mmoe": Shipped}, batch=Inputs)

"""The two towers of train.py over TorchRec's own layers: a `FusedEmbeddingBagCollection`, which updates its tables by exact
row-wise Adagrad in the backward pass, fed by a `KeyedJaggedTensor`.

    torchrec_layers.py gate torchrec TRACE OUT
    torchrec_layers.py time torchrec TRACE ROWS WARM STEPS THREADS OUT     as in train.py
"""

import sys

import torch
from torchrec.modules.embedding_configs import EmbeddingBagConfig, PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

import train
from train import DENSE_RATE, DIM, TABLE_RATE, Towers, drawn, whole_softmax


class TorchRec:
    """A user, an item and the items of a history are three features of two tables; the bag of one id is its row."""

    FEATURES = ["user", "item", "recent"]

    def __init__(self, rows, stored):
        self.towers = Towers()
        if stored:
            self.towers.load(stored)
        table = lambda name, features: EmbeddingBagConfig(
            name=name, embedding_dim=DIM, num_embeddings=rows, feature_names=features, pooling=PoolingType.MEAN
        )
        self.bags = FusedEmbeddingBagCollection(
            tables=[table("user_table", ["user"]), table("item_table", ["item", "recent"])],
            optimizer_type=RowWiseAdagrad,
            optimizer_kwargs={"lr": TABLE_RATE, "eps": 1e-8},
            device=torch.device("cpu"),
        )
        paths = {"user_table": "main/user/id", "item_table": "main/item/id"}
        with torch.no_grad():
            for name, table in self.bags.state_dict().items():
                path = paths[name.split(".")[1]]
                if stored:
                    table.copy_(stored[path])
                else:
                    drawn(table)
        self.dense = torch.optim.Adam(self.towers.parameters(), lr=DENSE_RATE, fused=True)

    def step(self, batch):
        self.dense.zero_grad()
        ones = torch.ones_like(batch.user)
        features = KeyedJaggedTensor(
            keys=self.FEATURES,
            values=torch.cat([batch.user, batch.items, batch.history]),
            lengths=torch.cat([ones, ones, batch.lengths]),
        )
        found = self.bags(features).to_dict()
        viewers = self.towers.viewers(torch.cat([found["user"], found["recent"]], 1))
        loss = whole_softmax(viewers, self.towers.things(found["item"]), batch.log_count, batch.rows)
        loss.backward()
        self.dense.step()
        return loss.item()


CONTENDERS = {"torchrec": TorchRec}

if __name__ == "__main__":
    verbs = {"gate": train.gate, "time": train.measure}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs or sys.argv[2] not in CONTENDERS:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:], models=CONTENDERS)

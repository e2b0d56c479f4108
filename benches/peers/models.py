"""`benches/specs/{mmoe,mtmi,sasrec}.rec` as an expert writes them in PyTorch: experts and interests as one batched product, fused
attention, bags, row-wise Adagrad on the distinct rows of a batch.

    models.py gate MODEL TRACE OUT                          its losses of a trace's steps, from the trace's weights and batches
    models.py time MODEL TRACE ROWS WARM STEPS THREADS OUT  seconds of each step after the warm ones, from weights of its own
"""

import sys

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

import train
from train import DENSE_RATE, DIM, LONGEST, Batch, RowwiseTable, cross_entropy, drawn, whole_softmax


class Model(nn.Module):
    """Tables by path beside dense weights; `objective` gives the loss of a batch from the rows of the tables."""

    tables = ("main/user/id", "main/item/id")

    def __init__(self, rows, stored):
        super().__init__()
        weights = lambda path: stored[path].clone() if stored else drawn(torch.empty(rows, DIM))
        self.rows = {path: RowwiseTable(weights(path)) for path in self.tables}
        self.build()
        if stored:
            with torch.no_grad():
                self.load(stored)
        self.dense = torch.optim.Adam(self.parameters(), lr=DENSE_RATE, fused=True)

    def step(self, batch):
        self.dense.zero_grad()
        loss = self.objective(batch)
        loss.backward()
        self.dense.step()
        for table in self.rows.values():
            table.step()
        return loss.item()

    def users(self, batch):
        rows, at = self.rows["main/user/id"].take(batch.user)
        return rows[at]

    def items(self, batch):
        """The rows of the batch's items, and those of all histories: distinct rows with the place of each."""
        rows, places = self.rows["main/item/id"].take(torch.cat([batch.items, batch.history]))
        return rows[places[: batch.size]], rows, places[batch.size :]


class Heads(nn.Module):
    """`K` equal layers, as one batched product: `[K, B, from]` to `[K, B, to]`."""

    def __init__(self, count, width, to):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([nn.init.xavier_uniform_(torch.empty(width, to)) for _ in range(count)]))
        self.bias = nn.Parameter(torch.zeros(count, 1, to))

    def forward(self, x):
        return torch.baddbmm(self.bias, x, self.weight)

    def load(self, stored, path):
        for at in range(len(self.weight)):
            self.weight[at] = stored[path.format(at) + ".weight"]
            self.bias[at, 0] = stored[path.format(at) + ".bias"]


def load_linear(layer, stored, path):
    layer.weight.copy_(stored[path + ".weight"].T)
    if layer.bias is not None:
        layer.bias.copy_(stored[path + ".bias"])


class Mmoe(Model):
    EXPERTS, HIDDEN, OUT, HEAD = 4, 256, 128, 64

    def build(self):
        self.first, self.second = Heads(self.EXPERTS, 3 * DIM, self.HIDDEN), Heads(self.EXPERTS, self.HIDDEN, self.OUT)
        self.gates = nn.Linear(3 * DIM, 2 * self.EXPERTS, bias=False)
        self.inner, self.outer = Heads(2, self.OUT, self.HEAD), Heads(2, self.HEAD, 1)

    def load(self, stored):
        self.first.load(stored, "ranker.mmoe.experts_of.{}.mlp.0.linear")
        self.second.load(stored, "ranker.mmoe.experts_of.{}.mlp.linear")
        gates = [stored[f"ranker.mmoe.{task}.mixture.weight"].T for task in ("like", "share")]
        self.gates.weight.copy_(torch.cat(gates))
        for heads, layer in [(self.inner, "0.linear"), (self.outer, "linear")]:
            for at, task in enumerate(("like", "share")):
                path = f"ranker.mmoe.{task}.head.mlp.{layer}"
                heads.weight[at], heads.bias[at, 0] = stored[path + ".weight"], stored[path + ".bias"]

    def objective(self, batch):
        own, rows, places = self.items(batch)
        recent = F.embedding_bag(places, rows, batch.starts, mode="mean")
        x = torch.cat([self.users(batch), own, recent], 1)
        # All experts read the same input: their first layers are one product.
        first = self.first.weight.permute(1, 0, 2).reshape(3 * DIM, -1)
        hidden = F.relu(torch.addmm(self.first.bias.view(-1), x, first))
        hidden = hidden.view(-1, self.EXPERTS, self.HIDDEN).transpose(0, 1)
        values = F.relu(self.second(hidden))
        shares = self.gates(x).view(-1, 2, self.EXPERTS).softmax(-1)
        mixed = torch.bmm(shares, values.transpose(0, 1)).transpose(0, 1)
        logits = self.outer(F.relu(self.inner(mixed))).squeeze(-1)
        return 2 * F.binary_cross_entropy_with_logits(logits, batch.labels)


class Mtmi(Model):
    K, POOL, HIDDEN = 4, 64, 128

    def build(self):
        self.keys, self.shares = nn.Linear(DIM, self.K * self.POOL), Heads(self.K, self.POOL, 1)
        self.first, self.second = Heads(self.K, 2 * DIM, self.HIDDEN), Heads(self.K, self.HIDDEN, DIM)
        self.thing = nn.Sequential(nn.Linear(DIM, self.HIDDEN), nn.SiLU(), nn.Linear(self.HIDDEN, DIM))

    def load(self, stored):
        for at in range(self.K):
            part = slice(at * self.POOL, (at + 1) * self.POOL)
            path = f"viewer.{at}.attention_pool.linear"
            self.keys.weight[part], self.keys.bias[part] = stored[path + ".weight"].T, stored[path + ".bias"]
        self.shares.load(stored, "viewer.{}.attention_pool.linear_2")
        self.first.load(stored, "viewer.{}.mlp.0.linear")
        self.second.load(stored, "viewer.{}.mlp.linear")
        load_linear(self.thing[0], stored, "thing.mlp.0.linear")
        load_linear(self.thing[2], stored, "thing.mlp.linear")

    def objective(self, batch):
        own, rows, places = self.items(batch)
        x, mask = rows[batch.matrix(places)], batch.mask
        keys = self.keys(x).tanh().view(batch.size, LONGEST, self.K, self.POOL)
        scores = (keys * self.shares.weight.squeeze(-1)).sum(-1) + self.shares.bias.view(-1)
        scores = scores.masked_fill(~mask.unsqueeze(-1), -1e9)
        # A history without elements has no share at all.
        shares = scores.softmax(1) * mask.unsqueeze(-1)
        pooled = torch.bmm(shares.transpose(1, 2), x).transpose(0, 1)
        viewer = torch.cat([self.users(batch).expand(self.K, -1, -1), pooled], -1)
        viewer = F.normalize(self.second(F.silu(self.first(viewer))), dim=-1, eps=1e-6)
        thing = F.normalize(self.thing(own), dim=-1, eps=1e-6)
        products = (viewer.reshape(-1, DIM) @ thing.T).view(self.K, batch.size, -1).amax(0)
        main = cross_entropy(products, batch.log_count, batch.rows)
        return main + 0.1 * apart(viewer)


def apart(viewer):
    """The mean over pairs of interests of max(0, cosine), and over rows."""
    count = len(viewer)
    cosines = torch.einsum("kbd,jbd->bkj", viewer, viewer)
    first, second = torch.triu_indices(count, count, 1)
    return cosines[:, first, second].clamp(min=0).mean()


class Sasrec(Model):
    tables = ("main/item/id",)
    BLOCKS, HEADS = 2, 2

    def build(self):
        self.position = nn.Parameter(torch.randn(LONGEST, DIM) * 0.02)
        self.blocks = nn.ModuleList(Block(DIM, self.HEADS) for _ in range(self.BLOCKS))
        self.norm = nn.LayerNorm(DIM)

    def load(self, stored):
        self.position.copy_(stored["viewer.sasrec.position"])
        for at, block in enumerate(self.blocks):
            block.load(stored, f"viewer.sasrec.{at}.transformer_block")
        load_norm(self.norm, stored, "viewer.sasrec.layer_norm")

    def objective(self, batch):
        own, rows, places = self.items(batch)
        # Positions count from the last element, which stands at the length of the list less one.
        back = (batch.lengths[:, None] - 1 - torch.arange(LONGEST)).clamp(min=0)
        x = rows[batch.matrix(places)] + self.position[back]
        for block in self.blocks:
            x = block(x)
        last = x[torch.arange(batch.size), (batch.lengths - 1).clamp(min=0)]
        last = self.norm(last) * batch.mask[:, :1]
        viewer = F.normalize(last, dim=1, eps=1e-6)
        return whole_softmax(viewer, F.normalize(own, dim=1, eps=1e-6), batch.log_count, batch.rows)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def load(self, stored, path):
        load_norm(self.first, stored, path + ".layer_norm")
        load_norm(self.second, stored, path + ".layer_norm_2")
        parts = ["linear", "linear_2", "linear_3"]
        attention = path + ".self_attention."
        self.qkv.weight.copy_(torch.cat([stored[attention + part + ".weight"].T for part in parts]))
        self.qkv.bias.copy_(torch.cat([stored[attention + part + ".bias"] for part in parts]))
        load_linear(self.out, stored, attention + "linear_4")
        load_linear(self.mlp[0], stored, path + ".mlp.0.linear")
        load_linear(self.mlp[2], stored, path + ".mlp.linear")

    def forward(self, x):
        # Lists stand at the front, so that the causal mask hides what pads them from every element.
        size, longest, width = x.shape
        qkv = self.qkv(self.first(x)).view(size, longest, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*qkv, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(size, longest, width))
        return x + self.mlp(self.second(x))


def load_norm(norm, stored, path):
    norm.weight.copy_(stored[path + ".scale"])
    norm.bias.copy_(stored[path + ".shift"])


MODELS = {"mmoe": Mmoe, "mtmi": Mtmi, "sasrec": Sasrec}


class Inputs(Batch):
    """A batch of any of the models."""

    def __init__(self, path):
        x = load_file(path)
        self.user, self.items = x.get("user.id"), x.get("item.id")
        self.labels = torch.stack([x["click.like"], x["click.share"]]).float() if "click.like" in x else None
        if self.items is None:
            # Reckon has each item of the batch once; the others have a candidate for each row.
            own = x["item.in.item@C"]
            self.items = x["item@C.id"][own]
            self.rows, self.log_count = x["item@C.row"][own], x["item@C.log_count"][own]
        self.lists(x, len(self.items))
        self.mask = torch.arange(LONGEST) < self.lengths[:, None]

    def matrix(self, of):
        """A number for each element of the histories as a matrix, 0 after the last."""
        padded = torch.zeros(self.size, LONGEST, dtype=torch.int64)
        padded[self.mask] = of
        return padded


if __name__ == "__main__":
    verbs = {"gate": train.gate, "time": train.measure}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs or sys.argv[2] not in MODELS:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:], models=MODELS, batch=Inputs)

"""The two towers of `examples/movielens/two_tower.rec` by hand in PyTorch, as a reader of the spec would write them.

    two_tower_torch.py replay TRACE ACTIVATION OUT       the losses of a trace's steps, from its weights and batches
    two_tower_torch.py train DATA SEED EPOCHS OUT        trains and evaluates from the csv files alone
    two_tower_torch.py evaluate DATA WEIGHTS OUT         evaluates weights that Reckon trained
    two_tower_torch.py compare OURS... -- THEIRS... OUT  the paired difference of recalls, by user over all seeds
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

from movielens import TEST, TRAIN, VALID, MovieLens

DIM, HIDDEN, TEMPERATURE, BATCH, PATIENCE = 64, 256, 0.07, 1024, 3
# Features in the order in which `concat` takes them.
HISTORIES = [("likes", 3), ("likes", 10), ("likes", 100), ("dislikes", 50)]


class TwoTower(nn.Module):
    """Both towers with their tables, which are tables of the whole program: histories and films share that of films."""

    def __init__(self, sizes, activation="relu"):
        super().__init__()
        table = lambda rows, width: nn.Parameter(torch.randn(rows, width) * 0.05)
        self.tables = nn.ParameterDict(
            {
                "movie": table(sizes["movie"], DIM),
                "genres": table(sizes["genres"], 16),
                "year": table(10, 8),
                "age": table(7, 8),
                "job": table(sizes["job"], 8),
            }
        )
        self.viewer = tower(8 + 8 + DIM * len(HISTORIES), activation)
        self.film = tower(DIM + 16 + 8, activation)

    def films(self, movie, genres, starts, year):
        tables = self.tables
        mean = F.embedding_bag(genres, tables["genres"], starts, mode="mean")
        x = torch.cat([tables["movie"][movie], mean, tables["year"][year]], 1)
        return F.normalize(self.film(x), dim=1, eps=1e-6)

    def viewers(self, age, job, histories):
        tables = self.tables
        means = [F.embedding_bag(ids, tables["movie"], starts, mode="mean") for ids, starts in histories]
        x = torch.cat([tables["age"][age], tables["job"][job], *means], 1)
        return F.normalize(self.viewer(x), dim=1, eps=1e-6)

    def names(self):
        """The parameters by the names that Reckon gives them; linear maps are stored the other way round."""
        user = {"age": "user/age", "job": "user/job"}
        for name, table in self.tables.items():
            path = user.get(name, "movie/id" if name == "movie" else f"movie/{name}")
            yield f"main/{path}", table, False
        for tower, layers in [("viewer", self.viewer), ("film", self.film)]:
            for path, layer in [("mlp.0.linear", layers[0]), ("mlp.linear", layers[2])]:
                yield f"{tower}.{path}.weight", layer.weight, True
                yield f"{tower}.{path}.bias", layer.bias, False

    @torch.no_grad()
    def load(self, path):
        stored = load_file(path)
        for name, parameter, transposed in self.names():
            value = stored[name]
            parameter.copy_(value.T if transposed else value)


def tower(width, activation):
    between = {"relu": nn.ReLU, "silu": nn.SiLU}[activation]
    layers = nn.Sequential(nn.Linear(width, HIDDEN), between(), nn.Linear(HIDDEN, DIM))
    for layer in (layers[0], layers[2]):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return layers


def loss_of(viewers, films, log_count, masked):
    """In-batch softmax: row n's own film is candidate n, and scores are corrected by the log of expected counts."""
    scores = viewers @ films.T / TEMPERATURE - log_count
    scores = scores.masked_fill(masked, -1e9)
    return F.cross_entropy(scores, torch.arange(len(viewers)))


class RowwiseAdagrad(torch.optim.Optimizer):
    """One accumulator a row: the mean of its squared gradients. A row without a gradient stays as it is."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for table in group["params"]:
                state = self.state[table]
                if not state:
                    state["sum"] = torch.zeros(len(table), 1, dtype=table.dtype)
                state["sum"] += table.grad.square().mean(1, keepdim=True)
                table -= group["lr"] * table.grad / (state["sum"].sqrt() + 1e-8)


def optimizers(model):
    dense = [*model.viewer.parameters(), *model.film.parameters()]
    return [torch.optim.Adam(dense, lr=1e-3), RowwiseAdagrad(model.tables.values(), lr=0.05)]


def step(steppers, loss):
    for stepper in steppers:
        stepper.zero_grad()
    loss.backward()
    for stepper in steppers:
        stepper.step()
    return loss.item()


def starts_of(segments, lists):
    """Where each list begins, from the list of each element."""
    return torch.searchsorted(segments, torch.arange(lists))


def replay(trace, activation, out):
    """Takes the steps of a trace, with its own weights and batches, in 32 and in 64 bits."""
    trace = Path(trace)
    theirs = [outputs["main"] for outputs in json.loads((trace / "losses.json").read_text())]
    single, double = (steps_of(trace, activation, len(theirs), bits) for bits in (torch.float32, torch.float64))
    apart = lambda one, other: max(abs(a - b) for a, b in zip(one, other, strict=True))
    found = {"difference": apart(theirs, single), "rounding": apart(single, double)}
    write(out, {"first": theirs[0], "last": theirs[-1], **found})


def steps_of(trace, activation, steps, bits):
    """The losses of so many steps."""
    initial = load_file(trace / "initial.safetensors")
    rows = lambda name: len(initial[f"main/{name}"])
    sizes = {"movie": rows("movie/id"), "genres": rows("movie/genres"), "job": rows("user/job")}
    model = TwoTower(sizes, activation)
    model.load(trace / "initial.safetensors")
    model.to(bits)
    steppers = optimizers(model)
    losses = []
    for number in range(steps):
        x = load_file(trace / f"step-{number:04}.safetensors")
        size = len(x["user.age"])
        histories = [
            (x[f"{name}.movie.id"], starts_of(x[f"{name}.segments"], size)) for name in history_inputs(x)
        ]
        viewers = model.viewers(x["user.age"], x["user.job"], histories)
        films = model.films(
            x["movie@C.id"],
            x["movie@C.genres"],
            starts_of(x["movie@C.genres.segments"], len(x["movie@C.id"])),
            x["movie@C.year"],
        )
        # Reckon has each film of the batch once; here row n's own film is candidate n.
        own = x["movie.in.movie@C"]
        masked = x["movie@C.known"][:, own] & ~torch.eye(size, dtype=torch.bool)
        losses.append(step(steppers, loss_of(viewers, films[own], x["movie@C.log_count"][own].to(bits), masked)))
    return losses


def history_inputs(x):
    """The names under which a trace holds the histories, in their order."""
    return sorted(name.removesuffix(".movie.id") for name in x if "history" in name and name.endswith(".movie.id"))


class Batches:
    """Inputs of the model from rows of the data."""

    def __init__(self, data):
        self.data = data
        rows = np.flatnonzero((data.part == TRAIN) & data.liked)
        self.rows = rows
        counts = np.bincount(data.movie[rows], minlength=data.movies)
        self.log_share = torch.from_numpy(np.log(np.maximum(counts, 0.5) / len(rows))).float()
        self.known = torch.zeros(data.users, data.movies, dtype=torch.bool)
        self.known[data.user[rows], data.movie[rows]] = True

    def viewers(self, rows):
        data = self.data
        user = data.user[rows]
        histories = []
        for name, last in HISTORIES:
            events, starts = getattr(data, name).of(rows, last)
            histories.append((torch.from_numpy(data.movie_id[data.movie[events]]), torch.from_numpy(starts)))
        return torch.from_numpy(data.age[user]), torch.from_numpy(data.job[user]), histories

    def films(self, movies):
        data = self.data
        lists = [data.genres[movie] for movie in movies]
        starts = np.r_[0, np.cumsum([len(genres) for genres in lists])[:-1]]
        flat = torch.tensor([genre for genres in lists for genre in genres])
        movies = np.asarray(movies)
        return torch.from_numpy(data.movie_id[movies]), flat, torch.from_numpy(starts), torch.from_numpy(data.year[movies])

    def masked(self, rows):
        user, movie = torch.from_numpy(self.data.user[rows]), torch.from_numpy(self.data.movie[rows])
        return self.known[user][:, movie] & ~torch.eye(len(rows), dtype=torch.bool)


@torch.no_grad()
def recalls(model, batches, part):
    films = model.films(*batches.films(range(batches.data.movies))).numpy()
    score = lambda rows: model.viewers(*batches.viewers(rows)).numpy() @ films.T
    return batches.data.recalls(part, score)


def mean(values):
    return sum(values.values()) / len(values)


def train(folder, seed, epochs, out):
    """The whole way from csv files to recalls, with the weights of the epoch that is best on validation."""
    torch.manual_seed(int(seed))
    batches = Batches(MovieLens(folder))
    model = TwoTower(batches.data.sizes)
    steppers = optimizers(model)
    generator = np.random.default_rng(int(seed))
    best, waited, kept, seconds, examples = -1.0, 0, None, 0.0, 0
    for epoch in range(int(epochs)):
        order = generator.permutation(batches.rows)
        began = time.perf_counter()
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            if len(rows) < 2:
                break
            log_count = batches.log_share[torch.from_numpy(batches.data.movie[rows])] + np.log(len(rows))
            viewers = model.viewers(*batches.viewers(rows))
            films = model.films(*batches.films(batches.data.movie[rows]))
            step(steppers, loss_of(viewers, films, log_count, batches.masked(rows)))
            examples += len(rows)
        seconds += time.perf_counter() - began
        found = mean(recalls(model, batches, VALID))
        print(f"epoch {epoch + 1}: recall@50 on valid {found:.4f}", file=sys.stderr)
        if found > best:
            best, waited = found, 0
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            waited += 1
            if waited == PATIENCE:
                break
    model.load_state_dict(kept)
    test = recalls(model, batches, TEST)
    write(out, {"recall@50": mean(test), "examples/s": examples / seconds, "users": test})


def evaluate(folder, weights, out):
    batches = Batches(MovieLens(folder))
    model = TwoTower(batches.data.sizes)
    model.load(weights)
    test = recalls(model, batches, TEST)
    write(out, {"recall@50": mean(test), "users": test})


def compare(*words):
    """The mean over users of the difference of their recalls, each the mean over seeds, with its 95 % interval."""
    *words, out = words
    cut = words.index("--")
    ours, theirs = ([json.loads(Path(path).read_text())["users"] for path in part] for part in (words[:cut], words[cut + 1 :]))
    users = sorted(ours[0])
    assert all(sorted(run) == users for run in ours + theirs), "both sides ask the same users"
    average = lambda runs: np.array([np.mean([run[user] for run in runs]) for user in users])
    difference = average(ours) - average(theirs)
    error = 1.96 * difference.std(ddof=1) / np.sqrt(len(users))
    middle = difference.mean()
    write(out, {"difference": middle, "low": middle - error, "high": middle + error, "users": len(users)})


def write(path, result):
    Path(path).write_text(json.dumps(result))


if __name__ == "__main__":
    verbs = {"replay": replay, "train": train, "evaluate": evaluate, "compare": compare}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])

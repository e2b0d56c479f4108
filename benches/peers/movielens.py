"""MovieLens as `examples/movielens/two_tower.rec` describes it, read and evaluated with numpy alone.

Nothing here is shared with Reckon: parsing, the split, vocabularies, histories, queries and metrics are written a second
time from the text of the language, so that a mistake on either side shows as a difference.
"""

import csv
from math import floor

import numpy as np

SHARES = [0.8, 0.1]  # the rest is the test part
TRAIN, VALID, TEST = 0, 1, 2


def column(path, *names):
    """Columns of a csv file as lists of texts."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [[row[name] for row in rows] for name in names]


def split_per_user(user, time):
    """The part of each rating. Ratings of one user and second stay together, at the border that is nearer."""
    part = np.full(len(user), TEST, dtype=np.int8)
    order = np.lexsort((np.arange(len(user)), time, user))
    starts = np.flatnonzero(np.r_[True, np.diff(user[order]) != 0, True])
    for begin, end in zip(starts[:-1], starts[1:]):
        rows = order[begin:end]
        at = time[rows]
        borders = np.r_[0, np.flatnonzero(np.diff(at)) + 1, len(rows)]
        start, share = 0, 0.0
        for number, amount in enumerate(SHARES):
            share += amount
            wanted = min(floor(len(rows) * share + 0.5), len(rows))
            later = borders[np.searchsorted(borders, wanted, side="left")]
            earlier = borders[np.searchsorted(borders, wanted, side="right") - 1]
            stop = max(earlier if wanted - earlier < later - wanted else later, start)
            part[rows[start:stop]] = number
            start = stop
    return part


def vocabulary(values, weights):
    """Ids from 1 by falling weight, ties by value; what never occurs in training is 0, the unknown one."""
    total = {}
    for value, weight in zip(values, weights):
        total[value] = total.get(value, 0) + int(weight)
    ranked = sorted((value for value in total if total[value] > 0), key=lambda value: (-total[value], value))
    return {value: place + 1 for place, value in enumerate(ranked)}


def quantile_borders(values, weights, buckets):
    """Distinct ascending borders that cut weighted values into at most so many buckets of about equal weight."""
    order = np.argsort(values, kind="stable")
    values, below = values[order], np.cumsum(weights[order])
    borders, following = [], 1
    for value, weight in zip(values, below):
        while following < buckets and weight * buckets > following * below[-1]:
            if value > values[0] and (not borders or borders[-1] != value):
                borders.append(value)
            following += 1
    return np.array(borders)


class History:
    """Earlier events of each user: of a row, those of its user that are strictly earlier."""

    def __init__(self, user, time, rows):
        order = np.lexsort((rows, time[rows], user[rows]))
        self.rows = rows[order]
        # One number that sorts by user and then by time.
        self.span = int(time.max()) + 1
        keys = user[self.rows].astype(np.int64) * self.span + time[self.rows]
        self.begin = np.searchsorted(keys, user.astype(np.int64) * self.span, side="left")
        self.end = np.searchsorted(keys, user.astype(np.int64) * self.span + time, side="left")

    def of(self, row, last):
        """The last events before each row, back to back, and where those of each begin."""
        end = self.end[row]
        begin = np.maximum(self.begin[row], end - last)
        length = end - begin
        offsets = np.r_[0, np.cumsum(length)[:-1]]
        places = np.arange(length.sum()) - np.repeat(offsets, length) + np.repeat(begin, length)
        return self.rows[places], offsets


class MovieLens:
    """Ratings with their parts, features of users and films, and the queries of an evaluation."""

    def __init__(self, folder):
        users, age, job = column(f"{folder}/users.csv", "user_id", "age", "occupation")
        movies, genres, year = column(f"{folder}/movies.csv", "movie_id", "genres", "year")
        rater, rated, stars, at = column(f"{folder}/ratings.csv", "user_id", "movie_id", "stars", "at")
        place = {key: number for number, key in enumerate(users)}
        self.user = np.array([place[key] for key in rater])
        place = {key: number for number, key in enumerate(movies)}
        self.movie = np.array([place[key] for key in rated])
        self.liked = np.array(stars, dtype=float) >= 4
        self.time = np.array(at, dtype=np.int64)
        self.users, self.movies = len(users), len(movies)
        self.part = split_per_user(self.user, self.time)
        self.likes = History(self.user, self.time, np.flatnonzero(self.liked))
        self.dislikes = History(self.user, self.time, np.flatnonzero(~self.liked))
        self.features(age, job, [int(key) for key in movies], genres, year)

    def features(self, age, job, movies, genres, year):
        """Ids of all features, fitted over training ratings."""
        trains = self.part == TRAIN
        of_user = np.bincount(self.user[trains], minlength=self.users)
        of_movie = np.bincount(self.movie[trains], minlength=self.movies)
        jobs = vocabulary(job, of_user)
        self.job = np.array([jobs.get(value, 0) for value in job])
        self.age = np.searchsorted([18, 25, 35, 45, 50, 56], np.array(age, dtype=int), side="right")
        ids = vocabulary(movies, of_movie)
        self.movie_id = np.array([ids.get(value, 0) for value in movies])
        parts = [[part for part in text.split("|") if part] for text in genres]
        names = vocabulary(
            [part for text in parts for part in text],
            [weight for text, weight in zip(parts, of_movie) for _ in text],
        )
        self.genres = [[names.get(part, 0) for part in text] for text in parts]
        years = np.array([int(text) if text else 0 for text in year])
        borders = quantile_borders(years, of_movie, 10)
        self.year = np.searchsorted(borders, years, side="right")
        self.sizes = {"movie": len(ids) + 1, "genres": len(names) + 1, "job": len(jobs) + 1}

    def queries(self, part):
        """One query a user: its first row of the part, its liked films there, and the films that stay out."""
        order = np.lexsort((np.arange(len(self.user)), self.time, self.user))
        starts = np.flatnonzero(np.r_[True, np.diff(self.user[order]) != 0, True])
        for begin, end in zip(starts[:-1], starts[1:]):
            rows = order[begin:end]
            inside = rows[self.part[rows] == part]
            targets = set(self.movie[inside[self.liked[inside]]].tolist())
            if targets:
                first = inside[0]
                before = (self.part[rows] < part) | (self.time[rows] < self.time[first])
                yield first, targets, set(self.movie[rows[before]].tolist()) - targets

    def recalls(self, part, score, depth=50):
        """The recall of each user by row number. `score(rows)` gives the scores of all films for queries at these rows."""
        queries = list(self.queries(part))
        result = {}
        for start in range(0, len(queries), 512):
            block = queries[start : start + 512]
            scores = score(np.array([row for row, _, _ in block]))
            for (row, targets, seen), line in zip(block, scores):
                line = line.copy()
                line[list(seen)] = -np.inf
                best = np.argsort(-line, kind="stable")[:depth]
                result[int(self.user[row])] = len(targets.intersection(best.tolist())) / len(targets)
        return result

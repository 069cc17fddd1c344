"""Hides reviews, has them guessed, and counts. Leave one out: each reviewer's last review is the test item, the one
before it the validation item, the rest is known; what is hidden is looked for among all products that the reviewer has
not reviewed, never among a sample, which would put the models in another order (Krichene and Rendle, KDD 2020)."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from recommendations.evaluation.data import Dataset
from recommendations.evaluation.models import Case, Known, Model

LENGTH = 10  # of the lists
SAMPLES = 1000  # of the bootstrap
SHORTEST = 3  # reviews of a reviewer whose last two can be hidden

Order = Callable[[str, str, int | None, int], Any]  # of a reviewer, an asin, a day and the place in the data


def hash_of(reviewer: str, asin: str) -> bytes:
    return hashlib.blake2b(f"{reviewer} {asin}".encode("utf-8", "surrogateescape"), digest_size=8).digest()


# How a reviewer's reviews are ordered. Half of them share their day with another one, and the order of a file may tell
# what was bought together; a hash breaks those ties to nobody's advantage.
PROTOCOLS: dict[str, Order] = {
    "last-file": lambda reviewer, asin, day, place: place,
    "last-hash": lambda reviewer, asin, day, place: place if day is None else (day, hash_of(reviewer, asin)),
    "random": lambda reviewer, asin, day, place: hash_of(reviewer, asin),
}
# Of these the order says nothing, so that no product is newer than another.
WITHOUT_ORDER = {"random"}


@dataclass(frozen=True, slots=True)
class Split:
    """What is known, and a case for each reviewer of whom something is hidden."""

    known: Known
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of the lists of LENGTH: hit rate and NDCG with their 95 % bootstrap intervals; which share of the catalogue is in
    any list, and of the lists follows from nothing that is known of the reviewer."""

    reviewers: int
    hit_rate: float
    hit_rate_interval: tuple[float, float]
    ndcg: float
    ndcg_interval: tuple[float, float]
    coverage: float
    backfilled: float


def split(data: Dataset, protocol: str, *, hidden: str) -> Split:
    """``hidden`` is ``test`` or ``validation``; for the latter the test items are in nobody's hands at all."""
    order = PROTOCOLS[protocol]
    beyond = 1 if hidden == "test" else 2
    known: list[tuple[int, int, int | None]] = []
    cases = []
    asins = list(data.products)
    for number, (reviewer, reviewed) in enumerate(data.reviews.items()):
        placed = [(order(reviewer, asins[p], day, place), p, day) for place, (p, day) in enumerate(reviewed.items())]
        reviews = [(product, day) for _, product, day in sorted(placed, key=lambda each: each[0])]
        if len(reviews) >= SHORTEST:
            target, day = reviews[-beyond]
            reviews = reviews[:-beyond]
            cases.append(Case(number, [product for product, _ in reversed(reviews)], target, day))
        known += [(number, product, day) for product, day in reviews]
    texts = [data.texts.get(number, "") for number in range(len(data.products))]
    return Split(Known(known, texts, len(data.reviews)), cases)


def evaluate(model: Model, split: Split) -> Metrics:
    """Raises ValueError where there is no reviewer to hide something of."""
    if not split.cases:
        raise ValueError(f"no reviewer has {SHORTEST} reviews")
    model.fit(split.known)
    hits, gains, backfilled = [], [], 0
    shown: set[int] = set()
    # By day, so that what is in demand is known up to then and no further.
    for case in sorted(split.cases, key=lambda case: (case.day or 0, case.reviewer)):
        found = model.recommend(case, LENGTH)
        shown.update(found.products)
        backfilled += found.is_backfill
        position = found.products.index(case.target) if case.target in found.products else None
        hits.append(float(position is not None))
        gains.append(0.0 if position is None else 1 / math.log2(position + 2))
    return Metrics(
        len(split.cases),
        fmean(hits),
        interval(hits),
        fmean(gains),
        interval(gains),
        len(shown) / len(split.known.texts),
        backfilled / len(split.cases),
    )


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The percentile bootstrap's 95 % interval of the mean."""
    rng = np.random.default_rng(1)  # the same figures give the same interval
    given = np.array(values)
    means = [given[rng.integers(0, len(given), len(given))].mean() for _ in range(SAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)

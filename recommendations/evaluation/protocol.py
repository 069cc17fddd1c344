"""Leave-one-out evaluation.

Each reviewer's last review is the test item, the one before it the validation item, and the rest is known. A model
ranks all products that the reviewer has not reviewed. Ranking a sample would put the models in another order (Krichene
and Rendle, KDD 2020).
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from recommendations.evaluation.data import Dataset
from recommendations.evaluation.models import Case, Known, Model

LENGTH = 10  # products per list
SAMPLES = 1000  # bootstrap samples
SHORTEST = 3  # reviews of a reviewer, so that two can be hidden

Order = Callable[
    [str, str, int | None, int], Any
]  # the sort key of a review, from reviewer, asin, day and place in the data


def hash_of(reviewer: str, asin: str) -> bytes:
    return hashlib.blake2b(f"{reviewer} {asin}".encode("utf-8", "surrogateescape"), digest_size=8).digest()


# How a reviewer's reviews are ordered. Half of them share their day with another one. The order of a file may reveal
# what was bought together, so a hash breaks these ties without favouring a model.
PROTOCOLS: dict[str, Order] = {
    "last-file": lambda reviewer, asin, day, place: place,
    "last-hash": lambda reviewer, asin, day, place: place if day is None else (day, hash_of(reviewer, asin)),
    "random": lambda reviewer, asin, day, place: hash_of(reviewer, asin),
}
# Protocols in which no product is newer than another.
WITHOUT_ORDER = {"random"}


@dataclass(frozen=True, slots=True)
class Split:
    """The known reviews, and a case for each reviewer with a hidden one."""

    known: Known
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of lists of LENGTH: hit rate and NDCG with 95 % bootstrap intervals, coverage and backfill.

    Coverage is the share of the catalogue that is in any list. Backfill is the share of lists that do not depend on the
    reviewer.
    """

    reviewers: int
    hit_rate: float
    hit_rate_interval: tuple[float, float]
    ndcg: float
    ndcg_interval: tuple[float, float]
    coverage: float
    backfilled: float


def split(data: Dataset, protocol: str, *, hidden: str) -> Split:
    """``hidden`` is ``test`` or ``validation``. The test items are left out of a validation split."""
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
    """Fit the model and compute its metrics. Raises ValueError if no reviewer has enough reviews."""
    if not split.cases:
        raise ValueError(f"no reviewer has {SHORTEST} reviews")
    model.fit(split.known)
    hits, gains, backfilled = [], [], 0
    shown: set[int] = set()
    # In the order of days, so that the trend includes no later reviews.
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
    """The 95 % interval of the mean, by percentile bootstrap."""
    rng = np.random.default_rng(1)  # a fixed seed makes intervals repeatable
    given = np.array(values)
    means = [given[rng.integers(0, len(given), len(given))].mean() for _ in range(SAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)

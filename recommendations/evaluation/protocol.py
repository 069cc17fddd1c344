"""Leave-one-out evaluation.

Each reviewer's last review is the test item, the one before it the validation item, and the rest is known. The rolling
protocol makes a build at each of STEPS days, which knows earlier reviews only. A model ranks all products that the
reviewer has not reviewed. Ranking a sample would put the models in another order (Krichene and Rendle, KDD 2020).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np

from recommendations.evaluation.data import Dataset
from recommendations.evaluation.models import Case, Known, Model
from recommendations.evaluation.variety import Variety, gini

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
ROLLING, STEPS = "rolling", 14


@dataclass(frozen=True, slots=True)
class Split:
    """The known reviews, and a case for each reviewer with a hidden one."""

    known: Known
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of lists of LENGTH: hit rate and NDCG with 95 % bootstrap intervals, and how varied the lists are.

    Coverage is the share of the catalogue that is in any list. Backfill is the share of lists that do not depend on the
    reviewer. ``near_duplicates`` is the share of lists with two titles that are almost the same, ``same_leaf`` the mean
    share of a list that is of its most frequent leaf category. ``gini`` tells how unequally the products are shown: 0
    if all are in as many lists, 1 if one is in all.
    """

    reviewers: int
    hit_rate: float
    hit_rate_interval: tuple[float, float]
    ndcg: float
    ndcg_interval: tuple[float, float]
    coverage: float
    backfilled: float
    near_duplicates: float
    same_leaf: float
    gini: float


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
    return Split(Known(known, texts, len(data.reviews), data.labels), cases)


def can_roll(data: Dataset) -> bool:
    """Whether enough reviewers have enough reviews with times."""
    lengths = (sum(day is not None for day in reviewed.values()) for reviewed in data.reviews.values())
    return sum(length >= SHORTEST for length in lengths) > STEPS


def rolling(data: Dataset) -> list[Split]:
    """A split for each of STEPS days: its build knows earlier reviews only, its test items end with the next day.

    The days cut the test items of ``last-hash`` into STEPS + 1 equal parts, of which the first is only known. Raises
    ValueError without enough times.
    """
    if not can_roll(data):
        raise ValueError(f"the protocol {ROLLING} needs the times of at least {STEPS + 1} reviewers")
    whole = split(data, "last-hash", hidden="test")
    hidden = [(case.reviewer, case.target, case.day) for case in whole.cases]
    dated = [(reviewer, product, day) for reviewer, product, day in [*whole.known.reviews, *hidden] if day is not None]
    days = sorted(case.day for case in whole.cases if case.day is not None)
    starts = sorted({days[len(days) * step // (STEPS + 1)] for step in range(1, STEPS + 1)})
    splits = []
    for start, end in zip(starts, [*starts[1:], math.inf], strict=True):
        known = [review for review in dated if review[2] < start]
        # A reviewer's own history goes up to the hidden review: lists follow each review from the moment it is posted.
        cases = [case for case in whole.cases if case.day is not None and start <= case.day < end]
        splits.append(Split(replace(whole.known, reviews=known, dated=dated), cases))
    return splits


def evaluate(model: Model, *splits: Split) -> Metrics:
    """Fit the model to each split and compute its metrics. Raises ValueError if no reviewer has enough reviews."""
    if not any(each.cases for each in splits):
        raise ValueError(f"no reviewer has {SHORTEST} reviews")
    hits, gains, backfilled = [], [], 0
    shown: Counter[int] = Counter()
    varied = Variety(splits[0].known.labels)
    for each in splits:
        model.fit(each.known)
        # In the order of days, so that the trend includes no later reviews.
        for case in sorted(each.cases, key=lambda case: (case.day or 0, case.reviewer)):
            found = model.recommend(case, LENGTH)
            shown.update(found.products)
            varied.add(found.products)
            backfilled += found.is_backfill
            position = found.products.index(case.target) if case.target in found.products else None
            hits.append(float(position is not None))
            gains.append(0.0 if position is None else 1 / math.log2(position + 2))
    products = len(splits[0].known.texts)
    return Metrics(
        len(hits),
        fmean(hits),
        interval(hits),
        fmean(gains),
        interval(gains),
        len(shown) / products,
        backfilled / len(hits),
        fmean(varied.near_duplicates),
        fmean(varied.same_leaf),
        gini([shown[product] for product in range(products)]),
    )


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean, by percentile bootstrap."""
    rng = np.random.default_rng(1)  # a fixed seed makes intervals repeatable
    given = np.array(values)
    means = [given[rng.integers(0, len(given), len(given))].mean() for _ in range(SAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)

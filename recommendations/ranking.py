"""Rank the neighbours of the products in a history, with more weight for recent products and for trends.

Pure Python is fast enough for a request: twenty products with fifty neighbours each are a thousand additions.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from recommendations.weights import Weights

NeighboursOf = Mapping[int, Sequence[tuple[int, float]]]  # by product number: numbers and scores of its neighbours


class Trend(Protocol):
    """Recent reviews of a product, each weighted by its age."""

    def get(self, product: int, default: float, /) -> float: ...


class Ranked(NamedTuple):
    """A product's number, its score, and the product that contributed most to it."""

    product: int
    score: float
    because: int


def rank(
    history: Sequence[int],
    neighbours: NeighboursOf,
    trend: Trend,
    *,
    without: Collection[int] = (),
    weights: Weights,
) -> list[Ranked]:
    """The neighbours of the products in ``history``, best first, but for those in ``without``.

    ``history`` starts with the newest. A score is the sum of similarity * weights.recency ** steps back, times
    1 + weights.trend * log(1 + trend).
    """
    scores: dict[int, float] = {}
    most: dict[int, tuple[float, int]] = {}
    for step, product in enumerate(history[: weights.history]):
        share = weights.recency**step
        for other, similarity in neighbours.get(product, ()):
            brought = share * similarity
            scores[other] = scores.get(other, 0.0) + brought
            if other not in most or brought > most[other][0]:
                most[other] = (brought, product)
    ranked = [
        Ranked(other, score * (1 + weights.trend * math.log1p(trend.get(other, 0.0))), most[other][1])
        for other, score in scores.items()
        if other not in without
    ]
    return sorted(ranked, key=lambda each: (-each.score, each.product))

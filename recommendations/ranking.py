"""From a few products to a list: the neighbours of each, of the latest most, lifted by what is in demand.

Pure Python, for a request: twenty products with fifty neighbours each are a thousand additions.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from recommendations.weights import Weights

NeighboursOf = Mapping[int, Sequence[tuple[int, float]]]  # of a product by its number: number and score of others


class Trend(Protocol):
    """Reviews of late of a product, each counting less the older it is."""

    def get(self, product: int, default: float, /) -> float: ...


class Ranked(NamedTuple):
    """A product's number, how well it fits, and the product that brought it most of that."""

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
    """Neighbours of the products in ``history``, newest first there, best first here; none of those ``without``.

    The score is the sum of the similarities, weights.recency to the power of the steps back, times
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

"""Evaluation of products without reviews.

It hides all reviews of a tenth of the products. Such a product has neighbours by its text only. They should be among
the other products of the reviewers whose reviews are hidden.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from recommendations.evaluation.data import Dataset
from recommendations.evaluation.models import Known, Served
from recommendations.evaluation.protocol import LENGTH, hash_of, interval
from recommendations.weights import Weights

NAME = "cold-start"
HIDDEN = 0.1  # of the products that have reviews


@dataclass(frozen=True, slots=True)
class ColdStartMetrics:
    """The share of baskets with at least one of LENGTH recommended products, as a mean over the hidden products.

    A basket is what a reviewer has reviewed, without hidden products. ``met`` is for reviewers of the hidden product,
    with a 95 % bootstrap interval, and ``others_met`` for all others. A product in every basket raises both alike.
    """

    products: int
    met: float
    met_interval: tuple[float, float]
    others_met: float


def evaluate(data: Dataset, weights: Weights) -> dict[str, ColdStartMetrics]:
    """The metrics of the neighbours and, for comparison, of popular products; empty if there is no basket."""
    asins = list(data.products)
    reviewed_ones = sorted(set().union(*data.reviews.values()), key=lambda product: hash_of("", asins[product]))
    hidden = set(reviewed_ones[: math.ceil(len(reviewed_ones) * HIDDEN)])
    known: list[tuple[int, int, int | None]] = []
    reviewers: dict[int, list[int]] = {product: [] for product in hidden}
    for number, reviewed in enumerate(data.reviews.values()):
        known += [(number, product, day) for product, day in reviewed.items() if product not in hidden]
        for product in hidden & reviewed.keys():
            reviewers[product].append(number)
    texts = [data.texts.get(product, "") for product in range(len(asins))]
    rest = Known(known, texts, len(data.reviews))
    served = Served(weights)
    served.fit(rest)
    popular = [product for product in rest.by_popularity if product not in hidden][:LENGTH]
    baskets = np.diff(rest.matrix.indptr) > 0
    shown: dict[str, dict[int, Sequence[int]]] = {"popularity": {}, "served": {}}
    for product, its_reviewers in reviewers.items():
        if baskets[its_reviewers].any():
            shown["popularity"][product] = popular
            shown["served"][product] = [other for other in served.neighbours(product) if other not in hidden][:LENGTH]
    return {model: _figures(lists, reviewers, rest, baskets) for model, lists in shown.items() if lists}


def _figures(
    lists: dict[int, Sequence[int]], reviewers: dict[int, list[int]], rest: Known, baskets: NDArray[np.bool_]
) -> ColdStartMetrics:
    columns = rest.matrix.tocsc()
    met, others_met = [], []
    for product, chosen in lists.items():
        holds = np.asarray(columns[:, list(chosen)].sum(axis=1)).ravel() > 0
        its = np.zeros(len(baskets), np.bool_)
        its[reviewers[product]] = True
        met.append(holds[its & baskets].mean())
        others_met += [holds[~its & baskets].mean()] if (~its & baskets).any() else []
    return ColdStartMetrics(len(lists), fmean(met), interval(met), fmean(others_met or [0.0]))

"""Simpler and other methods, to compare with what is served."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.evaluation.models import Case, Demand, Known, Model, RecommendedList, Served, others
from recommendations.weights import Weights

MAX_WINDOW = 100_000  # reviews; more than a reviewer has
MAX_EASE = 10_000  # products; EASE inverts a matrix of that size
REGULARIZATIONS = (50.0, 100.0, 200.0, 500.0)  # for EASE; the best on the validation items is used


class Popularity:
    """The most reviewed products, for every reviewer."""

    def fit(self, known: Known) -> None:
        self._known = known

    def recommend(self, case: Case, length: int) -> RecommendedList:
        return RecommendedList(list(islice(others(self._known, set(case.history)), length)), True)


class RecentPopularity:
    """The products with most reviews before the day of the case, newer ones counting more, for every reviewer."""

    def __init__(self, weights: Weights, trend_age: int = 0) -> None:
        self._half_life, self._trend_age = weights.half_life, trend_age

    def fit(self, known: Known) -> None:
        self._known = known
        self._demand = Demand(known, self._half_life)
        self._day: int | None = None
        self._ranked: list[int] = []

    def recommend(self, case: Case, length: int) -> RecommendedList:
        if case.day is not None and case.day != self._day:
            self._day = case.day
            self._demand.advance(case.day - self._trend_age)
            self._ranked = sorted(self._demand.products(), key=lambda product: (-self._demand.get(product), product))
        found = [product for product in self._ranked[: length + len(case.history)] if product not in case.history]
        rest = others(self._known, {*case.history, *found})
        return RecommendedList(list(islice(chain(found, rest), length)), True)


class Ease:
    """EASE^R (Steck, WWW 2019): a linear item-item model in closed form with a zero diagonal, times the trend.

    Its input weighs newer products more, as serving does. Without that it is far worse.
    """

    def __init__(self, regularization: float, weights: Weights, trend_age: int = 0) -> None:
        self._regularization, self._weights, self._trend_age = regularization, weights, trend_age

    def fit(self, known: Known) -> None:
        self._demand = Demand(known, self._weights.half_life)
        gram = np.asarray((known.matrix.T @ known.matrix).todense(), dtype=np.float64)
        inverse = np.linalg.inv(gram + self._regularization * np.eye(len(gram)))
        self._matrix: NDArray[Any] = -inverse / np.diag(inverse)
        np.fill_diagonal(self._matrix, 0)

    def recommend(self, case: Case, length: int) -> RecommendedList:
        history = list(case.history)
        scores = self._weights.recency ** np.arange(len(history)) @ self._matrix[history]
        if case.day is not None and self._weights.trend:
            self._demand.advance(case.day - self._trend_age)
            best = np.flatnonzero(scores > 0)
            demand = np.array([self._demand.get(product) for product in best.tolist()])
            scores[best] *= 1 + self._weights.trend * np.log1p(demand)
        scores[history] = -np.inf
        return RecommendedList([int(product) for product in np.argsort(-scores, kind="stable")[:length]], False)


def compared(weights: Weights, *, ease: float | None, trend_age: int) -> dict[str, Callable[[], Model]]:
    """The models to compare by name, in the order of the table. ``ease`` is the regularization of EASE^R, if wanted."""
    # With these weights c_ij / norm is the cosine of the products' reviewers.
    no_order = Weights(window=MAX_WINDOW, decay=1, backward=1, same_day=1, own=0.5, recency=1)
    cosine = replace(no_order, activity=0, shrinkage=0, text=0, trend=0)
    models: dict[str, Callable[[], Model]] = {
        "popularity": Popularity,
        "popularity, recent": lambda: RecentPopularity(weights, trend_age),
        "cosine": lambda: Served(cosine, diverse=False),
        "served, without trend": lambda: Served(replace(weights, trend=0)),
        "served, not diverse": lambda: Served(weights, diverse=False, trend_age=trend_age),
        "served": lambda: Served(weights, trend_age=trend_age),
    }
    if ease is not None:
        models["EASE^R, without trend"] = lambda: Ease(ease, replace(weights, trend=0))
        models["EASE^R"] = lambda: Ease(ease, weights, trend_age)
    return models

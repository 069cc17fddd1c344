"""The models to compare: the recommendations as they are served, and baselines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recommendations.ranking import rank
from recommendations.similarity import Matrix, find_neighbours, review_matrix, text_matrix
from recommendations.weights import Weights

MAX_EASE = 10_000  # products; EASE inverts a matrix of that size


class Case(NamedTuple):
    """A reviewer's known products, newest first, and the hidden product with the day of its review."""

    reviewer: int
    history: Sequence[int]
    target: int
    day: int | None


@dataclass(frozen=True)
class Known:
    """The reviews that are not hidden (reviewer, product, day), and the text of each product."""

    reviews: Sequence[tuple[int, int, int | None]]
    texts: Sequence[str]
    reviewers: int

    @cached_property
    def matrix(self) -> Matrix:
        reviewers, products = np.array([review[:2] for review in self.reviews], dtype=np.int64).reshape(-1, 2).T
        return review_matrix(reviewers, products, (self.reviewers, len(self.texts)))

    @cached_property
    def text_matrix(self) -> Matrix:
        return text_matrix(self.texts, len(self.texts))

    @cached_property
    def by_popularity(self) -> list[int]:
        """The products by number of reviews, most first."""
        counts = np.bincount([product for _, product, _ in self.reviews], minlength=len(self.texts))
        return [int(product) for product in np.argsort(-counts, kind="stable")]


class RecommendedList(NamedTuple):
    products: list[int]
    is_backfill: bool


class Model(Protocol):
    """A recommender to evaluate. Cases come in the order of their days."""

    def fit(self, known: Known) -> None: ...

    def recommend(self, case: Case, length: int) -> RecommendedList: ...


class Demand:
    """The trend for ``rank``: each product's reviews before a day, halved for every ``half_life`` days."""

    def __init__(self, known: Known, half_life: float) -> None:
        dated = sorted((day, product) for _, product, day in known.reviews if day is not None)
        self._coming = iter(dated)
        self._next = next(self._coming, None)
        self._half_life = half_life
        self._day = 0
        self._as_of: dict[int, tuple[float, int]] = {}  # a value and its day

    def advance(self, day: int) -> None:
        """Add the reviews before ``day``."""
        self._day = day
        while self._next and self._next[0] < day:
            reviewed, product = self._next
            self._as_of[product] = (self._at(product, reviewed) + 1.0, reviewed)
            self._next = next(self._coming, None)

    def get(self, product: int, default: float = 0.0) -> float:
        return self._at(product, self._day) or default

    def _at(self, product: int, day: int) -> float:
        value, then = self._as_of.get(product, (0.0, day))
        return float(value * 0.5 ** ((day - then) / self._half_life))


class Served:
    """The recommendations as they are served, with two differences.

    The trend is that of the case's day, while serving uses that of the build. Popular products of all categories follow
    the neighbours. Without times there is no trend.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def fit(self, known: Known) -> None:
        self._known = known
        self._neighbours: dict[int, list[tuple[int, float]]] = {}
        for block in find_neighbours(known.matrix, known.text_matrix, self._weights):
            start = 0
            for product, count in enumerate(block.counts.tolist(), block.first):
                chosen = slice(start, start + count)
                pairs = zip(block.numbers[chosen].tolist(), block.scores[chosen].tolist(), strict=True)
                self._neighbours[product] = list(pairs)
                start += count
        self._demand = Demand(known, self._weights.half_life)

    def neighbours(self, product: int) -> list[int]:
        """Best first."""
        return [number for number, _ in self._neighbours[product]]

    def recommend(self, case: Case, length: int) -> RecommendedList:
        if case.day is not None:
            self._demand.advance(case.day)
        seen = set(case.history)
        ranked = rank(case.history, self._neighbours, self._demand, without=seen, weights=self._weights)
        found = [each.product for each in ranked[:length]]
        return RecommendedList([*found, *_others(self._known, seen.union(found), length - len(found))], not found)


class Popularity:
    """The most reviewed products, for every reviewer."""

    def fit(self, known: Known) -> None:
        self._known = known

    def recommend(self, case: Case, length: int) -> RecommendedList:
        return RecommendedList(list(_others(self._known, set(case.history), length)), True)


class Ease:
    """EASE^R (Steck, WWW 2019): a linear item-item model in closed form with a zero diagonal.

    Its input weighs newer products more, as serving does. Without that it is far worse.
    """

    def __init__(self, regularization: float = 200.0, recency: float = 1.0) -> None:
        self._regularization, self._recency = regularization, recency

    def fit(self, known: Known) -> None:
        """Raises ValueError for more than MAX_EASE products."""
        self._known = known
        if len(known.texts) > MAX_EASE:
            raise ValueError(f"EASE^R is for at most {MAX_EASE} products, and there are {len(known.texts)}")
        gram = np.asarray((known.matrix.T @ known.matrix).todense(), dtype=np.float64)
        inverse = np.linalg.inv(gram + self._regularization * np.eye(len(gram)))
        self._weights: NDArray[Any] = -inverse / np.diag(inverse)
        np.fill_diagonal(self._weights, 0)

    def recommend(self, case: Case, length: int) -> RecommendedList:
        scores = self._recency ** np.arange(len(case.history)) @ self._weights[list(case.history)]
        scores[list(case.history)] = -np.inf
        return RecommendedList([int(product) for product in np.argsort(-scores, kind="stable")[:length]], False)


def _others(known: Known, without: set[int], count: int) -> Iterator[int]:
    for product in known.by_popularity:
        if count <= 0:
            return
        if product not in without:
            count -= 1
            yield product


def compared(weights: Weights, *, with_ease: bool) -> dict[str, Callable[[], Model]]:
    """The models to compare by name, in the order of the table."""
    cosine = Weights(activity=0, shrinkage=0, text=0, trend=0, recency=1)
    models: dict[str, Callable[[], Model]] = {
        "popularity": Popularity,
        "cosine": lambda: Served(cosine),
        "served, without trend": lambda: Served(replace(weights, trend=0)),
        "served": lambda: Served(weights),
    }
    return models | ({"EASE^R": lambda: Ease(recency=weights.recency)} if with_ease else {})

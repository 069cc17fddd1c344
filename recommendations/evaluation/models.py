"""What is evaluated: the recommendations as they are served, on the reviews that are not hidden."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple, Protocol

import numpy as np
from scipy import sparse

from recommendations.candidates import MAX_SKIPPED
from recommendations.diversity import Diversity
from recommendations.ranking import rank
from recommendations.sequences import Matrix, Sequences, in_order
from recommendations.similarity import find_neighbours, text_matrix
from recommendations.weights import Weights


class Case(NamedTuple):
    """A reviewer's known products, newest first, and the hidden product with the day of its review."""

    reviewer: int
    history: Sequence[int]
    target: int
    day: int | None


@dataclass(frozen=True)
class Known:
    """The reviews that are not hidden (reviewer, product, day), the text of each product, and its leaf category and
    title, as far as they are known."""

    reviews: Sequence[tuple[int, int, int | None]]
    texts: Sequence[str]
    reviewers: int
    labels: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    # The reviews that the trend is taken from, if not ``reviews``: those before the day of the case.
    dated: Sequence[tuple[int, int, int | None]] = ()

    @cached_property
    def matrix(self) -> Matrix:
        """A matrix with 1 where a reviewer (row) has reviewed a product (column)."""
        reviewers, products = np.array([review[:2] for review in self.reviews], dtype=np.int64).reshape(-1, 2).T
        ones = np.ones(len(reviewers), np.float32)
        return sparse.csr_matrix((ones, (reviewers, products)), (self.reviewers, len(self.texts)))

    @cached_property
    def sequences(self) -> Sequences:
        """In the order of days, or of the data if it has no times."""
        placed = [(*review[:2], place if review[2] is None else review[2]) for place, review in enumerate(self.reviews)]
        return in_order(*np.array(placed, dtype=np.int64).reshape(-1, 3).T)

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
        dated = sorted((day, product) for _, product, day in known.dated or known.reviews if day is not None)
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

    def products(self) -> Collection[int]:
        """The products with a review before the day."""
        return self._as_of

    def _at(self, product: int, day: int) -> float:
        value, then = self._as_of.get(product, (0.0, day))
        return float(value * 0.5 ** ((day - then) / self._half_life))


class Served:
    """The recommendations as they are served, with two differences.

    The trend is that of a build of ``trend_age`` days before the case's day. Popular products of all categories follow
    the neighbours. Without times there is no trend.
    """

    def __init__(self, weights: Weights, *, diverse: bool = True, trend_age: int = 0) -> None:
        self._weights, self._diverse, self._trend_age = weights, diverse, trend_age

    def fit(self, known: Known) -> None:
        self._known = known
        self._neighbours: dict[int, list[tuple[int, float]]] = {}
        for block in find_neighbours(known.sequences, known.text_matrix, self._weights):
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
            self._demand.advance(case.day - self._trend_age)
        seen = set(case.history)
        ranked = rank(case.history, self._neighbours, self._demand, without=seen, weights=self._weights)
        found = [each.product for each in ranked]
        candidates = chain(found, others(self._known, seen.union(found)))
        return RecommendedList(self._chosen(candidates, length), not found)

    def _chosen(self, candidates: Iterable[int], length: int) -> list[int]:
        """The first products, those that would repeat the list last."""
        if not self._diverse:
            return list(islice(candidates, length))
        diversity = Diversity(length, self._weights.most_of_a_leaf)
        chosen: list[int] = []
        skipped: list[int] = []
        for product in candidates:
            is_new = diversity.admit(*self._known.labels.get(product, ("", "")))
            (chosen if is_new else skipped).append(product)
            if len(chosen) == length or len(skipped) > MAX_SKIPPED:
                break
        return [*chosen, *skipped][:length]


def others(known: Known, without: set[int]) -> Iterator[int]:
    return (product for product in known.by_popularity if product not in without)

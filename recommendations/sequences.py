"""Which products are reviewed soon after each other, from each reviewer's reviews in the order of their days."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommendations.weights import Weights

Matrix = Any  # scipy.sparse.csr_matrix, which has no types

# Pairs of reviews that are added up at once, which bounds the memory.
PAIRS = 4_000_000
# Multiplied with a product's index, it puts the reviews of one day into an order that means nothing (Knuth, TAOCP 6.4).
SCATTER = 2_654_435_761


@dataclass(frozen=True, slots=True)
class Sequences:
    """Reviews, those of one reviewer together, the oldest first.

    For each: the number of its reviewer, the index of its product, and its step, which is the same for a reviewer's
    reviews of one day and one more for the next day.
    """

    reviewers: NDArray[np.int32]
    products: NDArray[np.int32]
    steps: NDArray[np.int32]


def in_order(reviewers: NDArray[Any], products: NDArray[Any], days: NDArray[Any]) -> Sequences:
    """Sort reviews into sequences. The order of one day's reviews does not depend on the order of the input."""
    # Day and scattered product are one key: each key takes a sort of its own.
    order = np.lexsort(((days.astype(np.int64) << 32) | scattered(products), reviewers))
    reviewers, products, days = reviewers[order], products[order], days[order]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (reviewers[1:] != reviewers[:-1]) | (days[1:] != days[:-1])
    return Sequences(reviewers.astype(np.int32), products.astype(np.int32), np.cumsum(is_new, dtype=np.int32))


def scattered(products: NDArray[Any]) -> NDArray[np.int64]:
    """A number for each product index, the order of which means nothing."""
    scattered: NDArray[np.int64] = products.astype(np.int64) * SCATTER % 2**32
    return scattered


def weights_of_reviewers(counts: NDArray[Any], activity: float) -> NDArray[np.float32]:
    """The weight of each reviewer, by the number of their reviews; 1 on average."""
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -activity, 0)
    return np.asarray(weights / (weights[counts > 0].mean() if counts.any() else 1), np.float32)


def values_by_steps(weights: Weights) -> NDArray[np.float32]:
    """What a pair of reviews counts, by the steps between them; the second row if the other product came later."""
    decayed = weights.decay ** np.arange(weights.window, dtype=np.float32)
    earlier, later = weights.backward * decayed, decayed
    return np.array([[weights.same_day, *earlier], [weights.same_day, *later]], np.float32)


class CoReviews:
    """How strongly each product leads to others, by the reviewers of both.

    c_ij is the sum over them of their weight times ``decay`` for each step between the two reviews but the first; times
    ``backward`` if j came before i, and times ``same_day`` if both share their day. Only reviews that are at most
    ``window`` places apart count.
    """

    def __init__(self, sequences: Sequences, products: int, weights: Weights) -> None:
        counts = np.bincount(sequences.reviewers, minlength=1)
        window = min(weights.window, int(counts.max()))
        self._sequences, self._products = sequences, products
        self._values = values_by_steps(weights)
        self._offsets = np.array([*range(-window, 0), *range(1, window + 1)], np.int32)
        self._at_once = max(PAIRS // max(len(self._offsets), 1), 1)  # reviews
        self._of_review = weights_of_reviewers(counts, weights.activity)[sequences.reviewers]
        # The total weight of each product's reviewers.
        self.of_product = np.bincount(sequences.products, self._of_review, products).astype(np.float32)
        self._by_product = np.argsort(sequences.products, kind="stable").astype(np.int32)
        self._ends = np.concatenate([[0], np.cumsum(np.bincount(sequences.products, minlength=products))])

    def blocks(self, size: int) -> Iterator[Matrix]:
        """c_ij for consecutive products i and all products j, in matrices of at most ``size`` rows."""
        first = 0
        while first < self._products:
            last = int(np.searchsorted(self._ends, self._ends[first] + self._at_once, side="right")) - 1
            last = max(min(last, first + size), first + 1)
            yield self._block(first, last)
            first = last

    def _block(self, first: int, last: int) -> Matrix:
        reviews = self._by_product[self._ends[first] : self._ends[last]]
        counted = sparse.csr_matrix((last - first, self._products), dtype=np.float32)
        for start in range(0, len(reviews), self._at_once):  # more than once for one popular product only
            some = reviews[start : start + self._at_once]
            ones, rows = np.ones(len(some), np.float32), self._sequences.products[some] - first
            of_products = sparse.csr_matrix((ones, (rows, np.arange(len(some)))), (last - first, len(some)))
            counted += of_products @ self._around(some)
        return counted

    def _around(self, reviews: NDArray[np.int32]) -> Matrix:
        """A row for each of these reviews: the values of the reviews around it, in the columns of their products."""
        all_reviews = self._sequences
        others = reviews[:, None] + self._offsets
        inside = others.clip(0, len(all_reviews.reviewers) - 1)
        known = (others == inside) & (all_reviews.reviewers[inside] == all_reviews.reviewers[reviews][:, None])
        row, column = known.nonzero()
        others = others[known]
        steps = np.abs(all_reviews.steps[others] - all_reviews.steps[reviews[row]])
        values = self._values[(self._offsets > 0).astype(np.int8)[column], steps] * self._of_review[others]
        starts = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        return sparse.csr_matrix((values, all_reviews.products[others], starts), (len(reviews), self._products))

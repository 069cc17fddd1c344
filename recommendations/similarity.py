"""Similar products ("neighbours"), from common reviewers and from the texts of the products.

The score is the sum of two similarities:

* Shrunk cosine over the reviewers, c_ij / (sqrt(n_i n_j) + shrinkage), where c_ij is the weight of those who reviewed
  both products and n_i of those who reviewed one (Koren and Bell, Recommender Systems Handbook, 2011). The shrinkage
  lowers scores that rest on few reviewers. The more products a reviewer has reviewed, the less they weigh (after
  Breese, Heckerman and Kadie, UAI 1998, who do so for products).
* Cosine of the TF-IDF of the texts. It gives neighbours to a product without reviews.

Each similarity keeps the best CANDIDATES of a product. A pair that only one of them keeps has the score of that one.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sparse_dot_topn import sp_matmul_topn

from recommendations.weights import Weights

# The best by cosine, from which the best by shrunk cosine are chosen: shrunk cosine is not a matrix product.
CANDIDATES = 200
BLOCK = 2_000  # products per block, which bounds the memory
# Words in more than this share of the texts are ignored, unless there are fewer texts than MANY_TEXTS.
TOO_COMMON, MANY_TEXTS = 0.3, 100

THREADS = os.cpu_count() or 1

Matrix = Any  # scipy.sparse.csr_matrix, which has no types


@dataclass(frozen=True, slots=True)
class NeighbourBlock:
    """The neighbours of consecutive products, ``first`` and on. Those of one product are together, best first.

    ``counts`` has an entry per product. The other arrays have an entry per neighbour: its number, its score, and the
    part of the score that comes from reviews.
    """

    first: int
    counts: NDArray[np.int64]
    numbers: NDArray[np.int32]
    scores: NDArray[np.float32]
    from_reviews: NDArray[np.float32]


def review_matrix(reviewers: NDArray[Any], products: NDArray[Any], shape: tuple[int, int]) -> Matrix:
    """A matrix with 1 where a reviewer (row) has reviewed a product (column). The pairs must be distinct."""
    return sparse.csr_matrix((np.ones(len(reviewers), np.float32), (reviewers, products)), shape)


def product_text(title: str | None, brand: str | None, categories: Sequence[str], description: str | None) -> str:
    """All words about a product, as one text."""
    return " ".join(filter(None, [title, brand, *categories, description]))


def vectorizer(count: int) -> TfidfVectorizer:
    """The TF-IDF vectorizer for ``count`` texts."""
    too_common = TOO_COMMON if count >= MANY_TEXTS else 1.0
    return TfidfVectorizer(sublinear_tf=True, max_df=too_common, stop_words="english", dtype=np.float32)


def text_matrix(texts: Iterable[str], count: int) -> Matrix:
    """TF-IDF of each of ``count`` texts, as rows of length 1. A text without a significant word has a row of zeros.

    It consumes the texts one by one and keeps none.
    """
    try:
        return vectorizer(count).fit_transform(texts)
    except ValueError:  # there is no word, or none that is rare enough
        return sparse.csr_matrix((count, 1), dtype=np.float32)


def find_neighbours(reviews: Matrix, texts: Matrix, weights: Weights) -> Iterator[NeighbourBlock]:
    """The neighbours of all products, in blocks. ``reviews`` has a column and ``texts`` a row for each product."""
    of_reviewer = weights_of_reviewers(np.diff(reviews.indptr), weights.activity)
    of_product = reviews.T @ of_reviewer  # the total weight of its reviewers
    units = reviews.T.tocsr()  # a row for each product, of length 1
    units.data = unit_values(of_reviewer[units.indices], np.repeat(of_product, np.diff(units.indptr)))
    other_units, other_texts = units.T.tocsr(), texts.T.tocsr()
    for first in range(0, units.shape[0], BLOCK):
        block = slice(first, first + BLOCK)
        alike = sp_matmul_topn(units[block], other_units, CANDIDATES + 1, n_threads=THREADS)
        worded = sp_matmul_topn(texts[block], other_texts, CANDIDATES + 1, n_threads=THREADS)
        yield best(first, alike, worded, of_product, weights)


def weights_of_reviewers(counts: NDArray[Any], activity: float) -> NDArray[np.float32]:
    """The weight of each reviewer, by the number of their reviews; 1 on average."""
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -activity, 0)
    return np.asarray(weights / (weights[counts > 0].mean() if counts.any() else 1), np.float32)


def unit_values(of_reviewer: NDArray[np.float32], of_product: NDArray[np.float32]) -> NDArray[np.float32]:
    """The value of each review, such that the dot product of two products is their cosine."""
    values: NDArray[np.float32] = np.sqrt(of_reviewer / of_product)
    return values


def best(
    first: int, alike: Matrix, worded: Matrix, of_product: NDArray[np.float32], weights: Weights
) -> NeighbourBlock:
    """Combine the candidates by reviewers (``alike``) and by texts (``worded``) into the neighbours of a block.

    The matrices have a row for each product from ``first`` on. ``of_product`` has the weight of each product's
    reviewers.
    """
    alike = alike.copy()
    norms = np.sqrt(of_product[first + _rows(alike)] * of_product[alike.indices])
    alike.data *= norms / (norms + weights.shrinkage)
    total = alike + worded * np.float32(weights.text)
    total.data[total.indices == _rows(total) + first] = 0  # a product is no neighbour of itself
    total = largest(total, weights.neighbours)
    rows, numbers = _rows(total), total.indices
    order = np.lexsort((numbers, -total.data, rows))
    from_reviews = np.asarray(alike[rows, numbers], np.float32).ravel() if len(rows) else np.zeros(0, np.float32)
    return NeighbourBlock(first, np.diff(total.indptr), numbers[order], total.data[order], from_reviews[order])


def largest(matrix: Matrix, count: int) -> Matrix:
    """The ``count`` largest positive entries of each row. Of equal ones the lower number wins."""
    rows, values = _rows(matrix), matrix.data
    # Sort only the entries that reach the last place of their row.
    padded = np.zeros((matrix.shape[0], max(int(np.diff(matrix.indptr).max(initial=0)), count)), np.float32)
    padded[rows, np.arange(len(rows)) - matrix.indptr[rows]] = values
    last = np.partition(padded, -count, axis=1)[:, -count]
    chosen = np.flatnonzero((values >= last[rows]) & (values > 0))
    chosen = chosen[np.lexsort((matrix.indices[chosen], -values[chosen], rows[chosen]))]
    starts = np.searchsorted(rows[chosen], rows[chosen])
    chosen = chosen[np.arange(len(chosen)) - starts < count]
    counts = np.bincount(rows[chosen], minlength=matrix.shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix((values[chosen], matrix.indices[chosen], indptr), matrix.shape)


def _rows(matrix: Matrix) -> NDArray[np.int64]:
    """The row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))

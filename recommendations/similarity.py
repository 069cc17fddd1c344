"""Which products are alike: neighbours from who reviewed what, and from what is written about the products.

Two similarities are added. Shrunk cosine over the reviewers, c_ij / (sqrt(n_i n_j) + shrinkage), where c_ij is the
weight of those who reviewed both and n_i of those who reviewed the one (Koren and Bell, Recommender Systems Handbook,
2011): the shrinkage keeps pairs that few people saw from looking certain. Who reviews much says less with each review
(Breese, Heckerman and Kadie, UAI 1998, say it of products), so a reviewer weighs the less the more they reviewed. And
the cosine of the texts' TF-IDF, which gives a product that nobody has reviewed its neighbours. Of either similarity the
best CANDIDATES of a product are known: a pair that is among them by one only has the score of that one.
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

# Best by cosine, of which the best by shrunk cosine are then chosen: the shrinkage does not factor into a product.
CANDIDATES = 200
BLOCK = 2_000  # products whose neighbours are found at once, which bounds the memory
# Words in more of the texts than this share say nothing; in a small catalogue nearly every word would.
TOO_COMMON, MANY_TEXTS = 0.3, 100

THREADS = os.cpu_count() or 1

Matrix = Any  # scipy.sparse.csr_matrix, which has no types


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Those of products ``first``, ``first + 1`` …: best first, those of one after those of the other.

    ``counts`` has an entry for each product, the others one for each neighbour: its number, the score, and the part of
    the score that comes from the reviewers.
    """

    first: int
    counts: NDArray[np.int64]
    numbers: NDArray[np.int32]
    scores: NDArray[np.float32]
    from_reviews: NDArray[np.float32]


def review_matrix(reviewers: NDArray[Any], products: NDArray[Any], shape: tuple[int, int]) -> Matrix:
    """1 where a reviewer (row) has reviewed a product (column), given as pairs of numbers, in which none is twice."""
    return sparse.csr_matrix((np.ones(len(reviewers), np.float32), (reviewers, products)), shape)


def product_text(title: str | None, brand: str | None, categories: Sequence[str], description: str | None) -> str:
    """All words about a product."""
    return " ".join(filter(None, [title, brand, *categories, description]))


def vectorizer(count: int) -> TfidfVectorizer:
    """TF-IDF of so many texts."""
    too_common = TOO_COMMON if count >= MANY_TEXTS else 1.0
    return TfidfVectorizer(sublinear_tf=True, max_df=too_common, stop_words="english", dtype=np.float32)


def text_matrix(texts: Iterable[str], count: int) -> Matrix:
    """TF-IDF of each of ``count`` texts (row), of length 1; rows of zeros for those without a word that says anything.

    The texts are taken one by one and not kept.
    """
    try:
        return vectorizer(count).fit_transform(texts)
    except ValueError:  # there is no word at all, or none that not nearly all texts have
        return sparse.csr_matrix((count, 1), dtype=np.float32)


def find_neighbours(reviews: Matrix, texts: Matrix, weights: Weights) -> Iterator[Neighbours]:
    """The neighbours of all products, block by block. ``reviews`` has a column and ``texts`` a row for each product."""
    of_reviewer = weights_of_reviewers(np.diff(reviews.indptr), weights.activity)
    of_product = reviews.T @ of_reviewer  # the weight of its reviewers
    units = reviews.T.tocsr()  # a row for each product, of length 1
    units.data = unit_values(of_reviewer[units.indices], np.repeat(of_product, np.diff(units.indptr)))
    other_units, other_texts = units.T.tocsr(), texts.T.tocsr()
    for first in range(0, units.shape[0], BLOCK):
        block = slice(first, first + BLOCK)
        alike = sp_matmul_topn(units[block], other_units, CANDIDATES + 1, n_threads=THREADS)
        worded = sp_matmul_topn(texts[block], other_texts, CANDIDATES + 1, n_threads=THREADS)
        yield best(first, alike, worded, of_product, weights)


def weights_of_reviewers(counts: NDArray[Any], activity: float) -> NDArray[np.float32]:
    """By how much each has reviewed; 1 on average."""
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -activity, 0)
    return np.asarray(weights / (weights[counts > 0].mean() if counts.any() else 1), np.float32)


def unit_values(of_reviewer: NDArray[np.float32], of_product: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each review, such that two products' sum of products is their cosine."""
    values: NDArray[np.float32] = np.sqrt(of_reviewer / of_product)
    return values


def best(first: int, alike: Matrix, worded: Matrix, of_product: NDArray[np.float32], weights: Weights) -> Neighbours:
    """The neighbours of products ``first``, ``first + 1`` …, of whom the matrices have a row each: their candidates by
    cosine of the reviewers and of the texts. ``of_product`` has the weight of each product's reviewers."""
    alike = alike.copy()
    norms = np.sqrt(of_product[first + _rows(alike)] * of_product[alike.indices])
    alike.data *= norms / (norms + weights.shrinkage)
    total = alike + worded * np.float32(weights.text)
    total.data[total.indices == _rows(total) + first] = 0  # each is most like itself
    total = largest(total, weights.neighbours)
    rows, numbers = _rows(total), total.indices
    order = np.lexsort((numbers, -total.data, rows))
    from_reviews = np.asarray(alike[rows, numbers], np.float32).ravel() if len(rows) else np.zeros(0, np.float32)
    return Neighbours(first, np.diff(total.indptr), numbers[order], total.data[order], from_reviews[order])


def largest(matrix: Matrix, count: int) -> Matrix:
    """The ``count`` largest entries above zero of each row; of equal ones those with the lower number, so that a build
    can be repeated."""
    rows, values = _rows(matrix), matrix.data
    # Sorted are only those that reach the last place of their row.
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

"""Which products are alike: neighbours from who reviewed what, and from what is written about the products.

Two similarities are added. Shrunk cosine over the reviewers, c_ij / (sqrt(n_i n_j) + shrinkage), where c_ij is the
weight of those who reviewed both and n_i of those who reviewed the one (Koren and Bell, Recommender Systems Handbook,
2011): the shrinkage keeps pairs that few people saw from looking certain. Who reviews much says less with each review
(Breese, Heckerman and Kadie, UAI 1998, say it of products), so a reviewer weighs the less the more they reviewed. And
the cosine of the texts' TF-IDF, which gives a product that nobody has reviewed its neighbours.
"""

import os
from collections.abc import Iterator, Sequence
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
BLOCK = 4_000  # products whose neighbours are found at once, which bounds the memory
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


def text_matrix(texts: Sequence[str]) -> Matrix:
    """TF-IDF of each text (row), of length 1; rows of zeros for those without a word that says anything."""
    too_common = TOO_COMMON if len(texts) >= MANY_TEXTS else 1.0
    vectorizer = TfidfVectorizer(sublinear_tf=True, max_df=too_common, stop_words="english", dtype=np.float32)
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # there is no word at all
        return sparse.csr_matrix((len(texts), 1), dtype=np.float32)


def find_neighbours(reviews: Matrix, texts: Matrix, weights: Weights) -> Iterator[Neighbours]:
    """The neighbours of all products, block by block. ``reviews`` has a column and ``texts`` a row for each product."""
    by_product = (sparse.diags(np.sqrt(_weights_of(reviews, weights.activity))) @ reviews).T.tocsr()
    weight = np.asarray(by_product.multiply(by_product).sum(axis=1), np.float32).ravel()  # of a product's reviewers
    unit = sparse.diags(1 / np.sqrt(np.where(weight > 0, weight, 1))) @ by_product
    other_units, other_texts = unit.T.tocsr(), texts.T.tocsr()
    for first in range(0, unit.shape[0], BLOCK):
        block = slice(first, first + BLOCK)
        alike = sp_matmul_topn(unit[block], other_units, CANDIDATES + 1, n_threads=THREADS)
        rows = np.repeat(np.arange(alike.shape[0]), np.diff(alike.indptr)) + first
        norms = np.sqrt(weight[rows] * weight[alike.indices])
        alike.data *= norms / (norms + weights.shrinkage)
        worded = sp_matmul_topn(texts[block], other_texts, CANDIDATES + 1, n_threads=THREADS) * np.float32(weights.text)
        yield _best(first, alike.tocsr(), worded.tocsr(), weights.neighbours)


def _weights_of(reviews: Matrix, activity: float) -> NDArray[np.float32]:
    """Of each reviewer, 1 on average."""
    counts = np.diff(reviews.indptr)
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -activity, 0)
    return np.asarray(weights / (weights[counts > 0].mean() if counts.any() else 1), np.float32)


def _best(first: int, alike: Matrix, worded: Matrix, count: int) -> Neighbours:
    total = alike + worded
    rows = np.repeat(np.arange(total.shape[0]), np.diff(total.indptr))
    numbers, scores = total.indices, total.data
    scores[numbers == rows + first] = 0  # each is most like itself
    # Sorted are only those that reach the last place of their row.
    padded = np.zeros((total.shape[0], max(int(np.diff(total.indptr).max(initial=0)), count)), np.float32)
    padded[rows, np.arange(len(rows)) - total.indptr[rows]] = scores
    last = np.partition(padded, -count, axis=1)[:, -count]
    chosen = np.flatnonzero((scores >= last[rows]) & (scores > 0))
    # Of equal scores the product with the lower number comes first, so that a build can be repeated.
    chosen = chosen[np.lexsort((numbers[chosen], -scores[chosen], rows[chosen]))]
    starts = np.searchsorted(rows[chosen], rows[chosen])
    chosen = chosen[np.arange(len(chosen)) - starts < count]
    rows, numbers, scores = rows[chosen], numbers[chosen], scores[chosen]
    from_reviews = np.asarray(alike[rows, numbers]).ravel() if len(rows) else np.zeros(0)
    counts = np.bincount(rows, minlength=total.shape[0])
    return Neighbours(
        first, counts, numbers.astype(np.int32), scores.astype(np.float32), from_reviews.astype(np.float32)
    )

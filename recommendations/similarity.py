"""Similar products ("neighbours"), from the sequences of reviews and from the texts of the products.

The score of product j as a neighbour of i is the sum of two similarities:

* c_ij / (n_i^own n_j^(1 - own) + shrinkage), where c_ij tells how often and how soon reviewers of i went on to j
  (``sequences.CoReviews``), and n_i is the weight of the reviewers of i. The shrinkage lowers scores that rest on few
  reviewers (Koren and Bell, Recommender Systems Handbook, 2011). The more products a reviewer has reviewed, the less
  they weigh (after Breese, Heckerman and Kadie, UAI 1998, who do so for products). The order makes it directed: a
  printer leads to its ink more than the ink to the printer.
* Cosine of the TF-IDF of the texts, times l_i l_j / (l_i l_j + text_shrinkage), where l_i is the length of the TF-IDF
  vector: texts of a few words prove little. It gives neighbours to a product without reviews.

Each similarity keeps the best CANDIDATES of a product. A pair that only one of them keeps has the score of that one.
"""

import os
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sparse_dot_topn import sp_matmul_topn

from recommendations.sequences import CoReviews, Matrix, Sequences
from recommendations.weights import Weights

CANDIDATES = 200
BLOCK = 2_000  # products per block, which bounds the memory
# Words in more than this share of the texts are ignored, unless there are fewer texts than MANY_TEXTS. Words in more
# than MOST_TEXTS texts are ignored too: they tell little, and take time in proportion to the square of their texts.
TOO_COMMON, MANY_TEXTS, MOST_TEXTS = 0.3, 100, 20_000

THREADS = os.cpu_count() or 1


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


def product_text(title: str | None, brand: str | None, categories: Sequence[str], description: str | None) -> str:
    """All words about a product, as one text."""
    return " ".join(filter(None, [title, brand, *categories, description]))


def vectorizer(count: int) -> TfidfVectorizer:
    """The TF-IDF vectorizer for ``count`` texts. It scales no vector: its length shows how much text there is."""
    too_common = min(TOO_COMMON, MOST_TEXTS / count) if count >= MANY_TEXTS else 1.0
    return TfidfVectorizer(sublinear_tf=True, norm=None, max_df=too_common, stop_words="english", dtype=np.float32)


def text_matrix(texts: Iterable[str], count: int) -> Matrix:
    """TF-IDF of each of ``count`` texts, as rows. A text without a significant word has a row of zeros.

    It consumes the texts one by one and keeps none.
    """
    try:
        return vectorizer(count).fit_transform(texts)
    except ValueError:  # there is no word, or none that is rare enough
        return sparse.csr_matrix((count, 1), dtype=np.float32)


def find_neighbours(reviews: Sequences, texts: Matrix, weights: Weights) -> Generator[NeighbourBlock, None, None]:
    """The neighbours of all products, in blocks. ``texts`` has a row for each product."""
    counted = CoReviews(reviews, texts.shape[0], weights)
    lengths, units = in_units(texts)
    other_units = units.T.tocsr()
    first = 0
    for block in counted.blocks(BLOCK):
        last = first + block.shape[0]
        alike = best_by_reviews(first, block, counted.of_product, weights)
        worded = sp_matmul_topn(units[first:last], other_units, CANDIDATES + 1, n_threads=THREADS)
        yield best(first, alike, worded, lengths, weights)
        first = last


def in_units(texts: Matrix) -> tuple[NDArray[np.float32], Matrix]:
    """The lengths of the rows, and the rows with length 1."""
    lengths = np.sqrt(np.asarray(texts.multiply(texts).sum(axis=1), np.float32).ravel())
    units = texts.copy()
    units.data /= lengths[_rows(texts)]
    return lengths, units


def best_by_reviews(first: int, counted: Matrix, of_product: NDArray[np.float32], weights: Weights) -> Matrix:
    """The CANDIDATES of the products from ``first`` on, from their c_ij and the total weight of reviewers."""
    norms = of_product[first + _rows(counted)] ** weights.own * of_product[counted.indices] ** (1 - weights.own)
    counted.data /= norms + np.float32(weights.shrinkage)
    # The product with the unit matrix keeps the best of each row without sorting all.
    one = sparse.csr_matrix(sparse.identity(counted.shape[1], np.float32))
    return sp_matmul_topn(counted, one, CANDIDATES, n_threads=THREADS)


def best(first: int, alike: Matrix, worded: Matrix, lengths: NDArray[np.float32], weights: Weights) -> NeighbourBlock:
    """Combine the candidates by reviews (``alike``) and by texts (``worded``) into the neighbours of a block.

    The matrices have a row for each product from ``first`` on. ``lengths`` are those of all texts.
    """
    lengths_of_pairs = lengths[first + _rows(worded)] * lengths[worded.indices]
    worded = worded.copy()
    worded.data *= np.float32(weights.text) * lengths_of_pairs / (lengths_of_pairs + np.float32(weights.text_shrinkage))
    total = alike + worded
    total.data[total.indices == _rows(total) + first] = 0  # a product is no neighbour of itself
    total = largest(total, weights.neighbours)
    rows, numbers = _rows(total), total.indices
    from_reviews = np.asarray(alike[rows, numbers], np.float32).ravel() if len(rows) else np.zeros(0, np.float32)
    return NeighbourBlock(first, np.diff(total.indptr), numbers, total.data, from_reviews)


def largest(matrix: Matrix, count: int) -> Matrix:
    """The ``count`` largest positive entries of each row, largest first. Of equal ones the lower number comes first."""
    counts, values = np.diff(matrix.indptr), matrix.data
    # Sort only the entries that reach the last place of their row.
    places = np.arange(max(int(counts.max(initial=0)), count))
    padded = np.zeros((matrix.shape[0], len(places)), np.float32)
    padded[places < counts[:, None]] = values
    last = np.partition(padded, -count, axis=1)[:, -count]
    chosen = np.flatnonzero((values >= np.repeat(last, counts)) & (values > 0))
    rows = _rows(matrix)[chosen]
    order = np.lexsort((matrix.indices[chosen], -values[chosen], rows))
    chosen, rows = chosen[order], rows[order]
    kept = np.arange(len(rows)) - np.searchsorted(rows, rows) < count
    chosen, rows = chosen[kept], rows[kept]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=matrix.shape[0]))])
    return sparse.csr_matrix((values[chosen], matrix.indices[chosen], indptr), matrix.shape)


def _rows(matrix: Matrix) -> NDArray[np.int64]:
    """The row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))

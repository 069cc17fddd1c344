"""What the tasks of a cluster do: a sparse matrix times itself, cut into blocks of rows.

It runs where neither this project nor Django is installed, only numpy, scipy, scikit-learn and sparse_dot_topn.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from recommendations.similarity import CANDIDATES, Matrix, best, largest
from recommendations.weights import Weights


@dataclass(frozen=True)
class Cut:
    """How ``products`` are cut into blocks of ``size``, of which the last one may be smaller."""

    products: int
    size: int

    def __len__(self) -> int:
        return -(-self.products // self.size)

    def first(self, block: int) -> int:
        return block * self.size

    def rows(self, block: int) -> int:
        return min(self.size, self.products - self.first(block))


# The rows of a block, and the numbers of those columns that are not empty in it, which ascend.
Rows = tuple[Matrix, NDArray[np.int64]]


def packed(cut: Cut) -> Callable[[tuple[Any, ...], Any], Any]:
    """Of a block's entries, an Arrow table of ``place``, ``column`` and ``value``, makes a row: ``block``, ``rows``."""

    def pack(key: tuple[Any, ...], entries: Any) -> Any:
        import pyarrow as pa

        block = key[0].as_py()
        columns, numbers = np.unique(entries["column"].to_numpy(), return_inverse=True)
        places = entries["place"].to_numpy() - cut.first(block)
        values = entries["value"].to_numpy().astype(np.float32)
        matrix = sparse.csr_matrix((values, (places, numbers)), (cut.rows(block), len(columns)))
        return pa.table({"block": [block], "rows": [pickle.dumps((matrix, columns))]})

    return pack


def unpacked(row: Any) -> tuple[int, Rows]:
    """A block and its rows again."""
    return row["block"], pickle.loads(row["rows"])  # noqa: S301  made by the task above


def alike(cut: Cut) -> Callable[[tuple[tuple[int, Rows], tuple[int, Rows]]], tuple[int, Matrix]]:
    """The candidates of the one block's products among those of the other, by the one's number."""

    def find(pair: tuple[tuple[int, Rows], tuple[int, Rows]]) -> tuple[int, Matrix]:
        (one, (rows, columns)), (other, (other_rows, other_columns)) = pair
        _, common, other_common = np.intersect1d(columns, other_columns, assume_unique=True, return_indices=True)
        found = sp_matmul_topn(rows[:, common], other_rows[:, other_common].T.tocsr(), CANDIDATES + 1)
        shape = (found.shape[0], cut.products)
        return one, sparse.csr_matrix((found.data, found.indices + cut.first(other), found.indptr), shape)

    return find


def merged(one: Matrix, other: Matrix) -> Matrix:
    """The best of both."""
    return largest(one + other, CANDIDATES + 1)


def finished(cut: Cut, of_product: Any, weights: Weights) -> Callable[..., tuple[Any, ...]]:
    """The neighbours of a block's products, of which either candidates may be missing. ``of_product`` is broadcast."""

    def finish(found: tuple[int, tuple[tuple[None, Matrix | None], Matrix | None]]) -> tuple[Any, ...]:
        block, ((_, by_reviewers), by_text) = found
        none = sparse.csr_matrix((cut.rows(block), cut.products), dtype=np.float32)
        by_reviewers, by_text = (none if matrix is None else matrix for matrix in (by_reviewers, by_text))
        each = best(cut.first(block), by_reviewers, by_text, of_product.value, weights)
        return each.first, each.counts, each.numbers, each.scores, each.from_reviews

    return finish

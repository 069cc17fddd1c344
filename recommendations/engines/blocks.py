"""The tasks of a cluster: they find similar texts and combine both similarities, in blocks of products.

They run without this project and without Django; numpy, scipy, scikit-learn and sparse_dot_topn are enough.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from recommendations.sequences import Matrix
from recommendations.similarity import CANDIDATES, best, largest
from recommendations.weights import Weights


@dataclass(frozen=True)
class Cut:
    """The division of ``products`` into blocks of ``size``. The last one may be smaller."""

    products: int
    size: int

    def __len__(self) -> int:
        return -(-self.products // self.size)

    def first(self, block: int) -> int:
        return block * self.size

    def rows(self, block: int) -> int:
        return min(self.size, self.products - self.first(block))


# The rows of a block without its empty columns, and the ascending numbers of the columns that are left.
Rows = tuple[Matrix, NDArray[np.int64]]


def packed(cut: Cut) -> Callable[[tuple[Any, ...], Any], Any]:
    """Return a function that packs a block's entries into one row of ``block`` and ``rows``.

    The entries are an Arrow table of ``place``, ``column`` and ``value``.
    """

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
    """Undo ``packed()``: the block's number and its rows."""
    return row["block"], pickle.loads(row["rows"])  # noqa: S301  made by the task above


def widened(cut: Cut) -> Callable[[Rows], Matrix]:
    """Return a function that gives a block's rows a column for each product."""

    def widen(rows: Rows) -> Matrix:
        matrix, columns = rows
        return sparse.csr_matrix((matrix.data, columns[matrix.indices], matrix.indptr), (matrix.shape[0], cut.products))

    return widen


def alike(cut: Cut) -> Callable[[tuple[tuple[int, Rows], tuple[int, Rows]]], tuple[int, Matrix]]:
    """Return a function that finds the candidates of one block's products among those of another block."""

    def find(pair: tuple[tuple[int, Rows], tuple[int, Rows]]) -> tuple[int, Matrix]:
        (one, (rows, columns)), (other, (other_rows, other_columns)) = pair
        _, common, other_common = np.intersect1d(columns, other_columns, assume_unique=True, return_indices=True)
        found = sp_matmul_topn(rows[:, common], other_rows[:, other_common].T.tocsr(), CANDIDATES + 1)
        shape = (found.shape[0], cut.products)
        return one, sparse.csr_matrix((found.data, found.indices + cut.first(other), found.indptr), shape)

    return find


def merged(one: Matrix, other: Matrix) -> Matrix:
    """The best candidates of two results."""
    return largest(one + other, CANDIDATES + 1)


def finished(cut: Cut, lengths: Any, weights: Weights) -> Callable[..., tuple[Any, ...]]:
    """Return a function that combines a block's candidates, either of which may be missing, into neighbours.

    ``lengths`` is a broadcast variable.
    """

    def finish(found: tuple[int, tuple[tuple[None, Matrix | None], Matrix | None]]) -> tuple[Any, ...]:
        block, ((_, by_reviews), by_text) = found
        none = sparse.csr_matrix((cut.rows(block), cut.products), dtype=np.float32)
        by_reviews, by_text = (none if matrix is None else matrix for matrix in (by_reviews, by_text))
        each = best(cut.first(block), by_reviews, by_text, lengths.value, weights)
        return each.first, each.counts, each.numbers, each.scores, each.from_reviews

    return finish

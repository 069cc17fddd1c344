"""Rows in chunks."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Row = TypeVar("Row")


def in_chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Lists of ``size`` rows; the last one may be shorter."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, size)):
        yield chunk

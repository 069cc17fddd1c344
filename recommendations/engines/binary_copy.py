"""Read integer columns from the database into arrays. PostgreSQL's binary COPY avoids a Python object per number."""

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from recommendations.chunks import in_chunks

CHUNK = 20_000  # rows per array

Take = Callable[[NDArray[np.int64]], object]


def read(rows: QuerySet[Any, Any], columns: int, take: Take) -> None:
    """Pass the rows to ``take`` in arrays of the shape (rows, columns). All columns are bigint and not null."""
    if connection.vendor == "postgresql":
        query, parameters = rows.query.sql_with_params()
        copied = _Copied(columns, take)
        with connection.cursor() as cursor, connection.wrap_database_errors:
            select = cursor.mogrify(query, parameters).decode()
            cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT binary)", copied)
        copied.flush()
    else:
        for chunk in in_chunks(rows.iterator(CHUNK), CHUNK):
            take(np.array(chunk, np.int64))


class _Copied:
    """A file that receives PostgreSQL's binary COPY format.

    It has a header, then the rows, then a count of -1. A row is the count of its columns, and the length and value of
    each. All numbers are big-endian.

    https://www.postgresql.org/docs/current/sql-copy.html
    """

    HEADER = 19  # bytes

    def __init__(self, columns: int, take: Take) -> None:
        column = np.dtype([("length", ">i4"), ("value", ">i8")])
        self._row = np.dtype([("count", ">i2"), ("columns", column, columns)])
        self._take = take
        self._bytes = bytearray()
        self._start = self.HEADER

    def write(self, some: bytes) -> None:
        self._bytes += some
        if len(self._bytes) > CHUNK * self._row.itemsize:
            self.flush()

    def flush(self) -> None:
        count = (len(self._bytes) - self._start) // self._row.itemsize
        rows = np.frombuffer(self._bytes, self._row, count, self._start) if count else np.empty(0, self._row)
        self._take(rows["columns"]["value"].astype(np.int64))
        self._bytes = self._bytes[self._start + rows.nbytes :]
        self._start = 0

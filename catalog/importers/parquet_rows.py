"""Rows of a Parquet file as Python values. Requires pyarrow, an optional dependency."""

from collections.abc import Iterator
from typing import IO, Any

from catalog.importers.formats import RawRow, RejectedRow, UnknownFormat

MAGIC = b"PAR1"
ROWS = 50  # decoded at once
BUFFER = 1 << 20  # bytes of a column read at once


def header(file: IO[bytes]) -> tuple[list[str], Any]:
    """The columns of a seekable file, and the opened file for ``rows``. Raises UnknownFormat."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UnknownFormat("a Parquet file, which needs: pip install -r requirements-parquet.txt") from None
    try:
        opened = pyarrow.parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
        return list(opened.schema_arrow.names), opened
    except (pyarrow.ArrowException, OSError, MemoryError, ValueError) as error:
        raise UnknownFormat(f"the Parquet file is broken ({_first_line(error)})") from error


def rows(opened: Any) -> Iterator[RawRow]:
    """Rows with their numbers, starting at 1. Raises UnknownFormat if the file is broken."""
    import pyarrow

    number = 1
    batches = opened.iter_batches(batch_size=ROWS, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (pyarrow.ArrowException, OSError, MemoryError, ValueError) as error:
            raise UnknownFormat(f"the Parquet file is broken after row {number - 1} ({_first_line(error)})") from error
        if batch is None:
            return
        for row in _values(batch):
            yield RawRow(number, row)
            number += 1


def _values(batch: Any) -> Iterator[dict[str, Any] | RejectedRow]:
    try:
        yield from map(_decoded, _microseconds(batch).to_pylist())
    # Text that is not UTF-8, a time out of Python's range, or an unknown time zone.
    except (ValueError, OverflowError, KeyError) as error:
        if batch.num_rows > 1:
            for position in range(batch.num_rows):
                yield from _values(batch.slice(position, 1))
        else:
            yield RejectedRow(f"a value cannot be read ({_first_line(error)})", "a value cannot be read")


def _microseconds(batch: Any) -> Any:
    """The batch with times cut from nanoseconds to microseconds, the resolution of Python."""
    import pyarrow

    columns = []
    for column in batch.columns:
        if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
            column = column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
        columns.append(column)
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    """The row with bytes as text: older writers do not mark text columns."""
    return {
        name: value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        for name, value in row.items()
    }


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]

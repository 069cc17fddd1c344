"""Reads raw rows from files, whose format it detects."""

import io
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice

from catalog.importers import dialects, files, json_rows, lines, parquet_rows, shapes, unpacking
from catalog.importers.columns import folded
from catalog.importers.csv_rows import CsvRows
from catalog.importers.formats import RawRow, UnknownFormat, from_json, from_json_or_literal, literal
from catalog.importers.shapes import Columns

HEAD = 250_000  # characters of a CSV file that the dialect is detected from
SHOWN_COLUMNS = 20
# A first line that names the delimiter for Excel.
_FOR_EXCEL = re.compile(r'"?sep=.?"?\s*', re.IGNORECASE)


def rows(
    name: str,
    columns: Columns,
    format: str | None = None,
    advance: Callable[[int], object] = lambda count: None,
    tell: Callable[[str], object] = lambda format: None,
) -> Generator[RawRow, None, None]:
    """The rows of the file ``name``, or of standard input for ``-``.

    ``format`` is one of FORMATS. ``advance`` is called with the number of raw bytes of each read, ``tell`` with the
    detected format. Raises UnreadableFile or UnknownFormat, which name the file.
    """
    with files.opened(name, advance) as stream:
        try:
            yield from rows_of(stream, columns, format, tell)
        except UnknownFormat as error:
            raise UnknownFormat(f"{name}: {error}") from error


def rows_of(
    stream: io.BufferedReader,
    columns: Columns,
    format: str | None = None,
    tell: Callable[[str], object] = lambda format: None,
) -> Iterator[RawRow]:
    """The rows of an unpacked stream. Raises UnknownFormat."""
    start = stream.peek(512)
    if start.startswith(parquet_rows.MAGIC):
        yield from _parquet(stream, columns, tell)
        return
    if kind := shapes.kind_of_bytes(start[:512]):
        raise UnknownFormat(f"looks like {kind}")
    first = 1 + lines.skip_blank(stream)
    start = stream.peek(512).lstrip()
    if not start:
        return
    if format != "csv" and start.startswith(b"["):
        tell("a JSON array")
        yield from json_rows.array_rows(first, stream)
    elif format in ("json", "literal") or (format is None and start.startswith(b"{")):
        yield from _objects(first, lines.bounded(stream), format, tell)
    else:
        yield from _csv(first, lines.bounded(stream), columns, tell)


def _objects(first: int, texts: Iterator[str], format: str | None, tell: Callable[[str], object]) -> Iterator[RawRow]:
    head = list(islice(texts, 2))
    if re.match(r"\s*\{", head[0]) and not re.search(r"\},?\s*$", head[0]) and not re.match(r"\s*(\{|$)", head[-1]):
        raise UnknownFormat("looks like objects over several lines; write each in one line, or all as one JSON array")
    is_literal = format == "literal" or (format is None and re.match(r"\s*\{\s*'", head[0]))
    tell("Python literals" if is_literal else "JSON lines")
    parse = {"json": from_json, "literal": literal, None: from_json_or_literal}[format]
    yield from json_rows.line_rows(first, chain(head, texts), parse)


def _csv(first: int, texts: Iterator[str], columns: Columns, tell: Callable[[str], object]) -> Iterator[RawRow]:
    head, texts = _head(texts)
    if len(head) > 1 and _FOR_EXCEL.fullmatch(head[0]):
        del head[0]
        first += 1
    dialect = dialects.tell(head, columns.known)
    remaining = iter(head)
    header = dialects.first_row(remaining, dialect)
    if ratings := shapes.rating_columns(dialects.first_rows(head, dialect, 20)):
        if not columns.known.issuperset(map(folded, ratings)):
            raise UnknownFormat("looks like ratings without a header, which seed_reviews reads")
        tell(f"ratings without a header: {', '.join(ratings)}")
        yield from CsvRows(first, chain(head, texts), dialect, ratings, columns)
        return
    if not head:
        next(texts)  # which says what is wrong
    if not header and "\r" in head[0].rstrip("\r\n"):
        raise UnknownFormat("its lines end with a carriage return only; save it with the line ends of Windows or Unix")
    if not header:
        raise UnknownFormat("the first line is no CSV header, and no JSON or Python literal")
    _check(f"CSV ({dialect})", header, columns)
    tell(f"CSV ({dialect})")
    rest = list(remaining)
    yield from CsvRows(first + len(head) - len(rest), chain(rest, texts), dialect, header, columns)


def _head(texts: Iterator[str]) -> tuple[list[str], Iterator[str]]:
    """The first HEAD characters of lines, and the other lines. An error in the head is raised when those are read."""
    head: list[str] = []
    length = 0
    try:
        while length < HEAD:
            head.append(next(texts))
            length += len(head[-1])
    except StopIteration:
        pass
    except Exception as error:
        return head, _failing(error)
    return head, texts


def _failing(error: Exception) -> Iterator[str]:
    raise error
    yield ""


def _parquet(stream: io.BufferedReader, columns: Columns, tell: Callable[[str], object]) -> Iterator[RawRow]:
    with unpacking.seekable(stream) as file:
        header, opened = parquet_rows.header(file)
        _check("Parquet", header, columns)
        tell("Parquet")
        yield from parquet_rows.rows(opened)


def _check(what: str, header: Iterable[str], columns: Columns) -> None:
    names = list(header)
    if lacking := shapes.missing(names, columns):
        shown = ", ".join(name[:40] for name in names[:SHOWN_COLUMNS])
        more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
        raise UnknownFormat(
            f"looks like {what} with the columns {shown}{more}; no column for {', nor for '.join(lacking)}"
            f"{shapes.hint(names, columns)}"
        )
    used = [name for name in map(folded, names) if name in columns.known]
    if twice := sorted({name for name in used if used.count(name) > 1}):
        raise UnknownFormat(f"the column {twice[0]} stands twice")

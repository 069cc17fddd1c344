"""From text lines to raw rows: CSV, JSON lines, or lines of Python literals, told apart by looking."""

import ast
import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import orjson

from catalog.importers.files import MAX_LINE, LineTooLong

FORMATS = ("csv", "json", "literal")


class UnknownFormat(Exception):
    """The first line is of none of the formats, or not of the one that was named."""


class RejectedRow(Exception):
    """A row that cannot be used; the message says why."""


class RawRow(NamedTuple):
    """A row as it stands in the file: the number of its first line, and its fields or the reason it has none."""

    line: int
    fields: dict[str, Any] | RejectedRow


def rows(lines: Iterable[str], format: str | None = None) -> Iterator[RawRow]:
    """The rows of one file. Raises UnknownFormat."""
    numbered = ((number, line) for number, line in enumerate(lines, 1))
    for number, line in numbered:  # noqa: B007  the number is used below
        if line.strip():
            break
    else:
        return
    if format == "csv" or (format is None and not line.lstrip().startswith("{")):
        yield from _csv_rows(number, chain([line], (each for _, each in numbered)))
    else:
        parse = {"json": _json, "literal": literal, None: _json_or_literal}[format]
        yield from _line_rows(chain([(number, line)], numbered), parse)


def literal(text: str) -> Any:
    """The value of a Python literal; ``nan`` and ``inf``, which are none, count as None. Raises RejectedRow."""
    try:
        if "nan" not in text and "inf" not in text:
            return ast.literal_eval(text.strip())
        tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            for name, value in ast.iter_fields(node):
                if isinstance(value, list):
                    setattr(node, name, [_number_or_none(each) for each in value])
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise RejectedRow("not a Python literal") from error


def _number_or_none(node: Any) -> Any:
    if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
        return ast.copy_location(ast.Constant(None), node)
    return node


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RejectedRow("not JSON") from error


def _json_or_literal(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return literal(text)
        except RejectedRow as error:
            raise RejectedRow("neither JSON nor a Python literal") from error


def _line_rows(numbered: Iterable[tuple[int, str]], parse: Callable[[str], Any]) -> Iterator[RawRow]:
    for number, line in numbered:
        if isinstance(line, LineTooLong):
            yield RawRow(number, RejectedRow(f"longer than {MAX_LINE} bytes"))
        elif line.strip():
            try:
                fields = parse(line)
            except RejectedRow as error:
                yield RawRow(number, error)
            else:
                wrong = None if isinstance(fields, dict) else RejectedRow("not an object")
                yield RawRow(number, wrong or fields)


def _csv_rows(first: int, lines: Iterable[str]) -> Iterator[RawRow]:
    csv.field_size_limit(MAX_LINE)
    reader = csv.reader(_readable(lines))
    try:
        header = next(reader)
    except csv.Error as error:
        raise UnknownFormat(f"the first line is no CSV header ({error})") from error
    if not {"asin", "Product ID", "parent_asin"} & set(header):
        raise UnknownFormat("the first line has no column asin, parent_asin or Product ID, and is no JSON or literal")
    while True:
        start = first + reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(start, RejectedRow(str(error)))
            continue
        if len(row) == len(header):
            yield RawRow(start, dict(zip(header, row, strict=True)))
        elif row:
            yield RawRow(start, RejectedRow(f"{len(row)} columns, and the header has {len(header)}"))


def _readable(lines: Iterable[str]) -> Iterator[str]:
    """Lines with a lone surrogate, which is refused later on, for what the csv module would stop at or not see."""
    for line in lines:
        if isinstance(line, LineTooLong):
            yield "\udc00\n"
        else:
            yield line.replace("\0", "\udc00") if "\0" in line else line

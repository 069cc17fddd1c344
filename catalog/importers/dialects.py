"""Detects the dialect of a CSV file by reading its head with each possible dialect.

No library fits. The csv module's Sniffer finds no escape characters and takes the blank for the delimiter of
amazon_us_reviews. CleverCSV finds both, but confuses files without quotes with files whose quotes are text, takes 0.8 s
a megabyte, and depends on chardet and regex. Here the known column names already tell the delimiter.

The csv module's escape character drops lone backslashes, as in ``C:\\new``. So the backslash dialect is converted to
doubled quotes first.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from catalog.importers import shapes
from catalog.importers.columns import folded

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
QUOTING = {"doubled": "doubled quotes", "backslash": "backslash-escaped quotes", "none": "quotes are text"}

_DOUBLED = re.compile(r'(?<!\\)""')
_ESCAPED = re.compile(r'\\(["\\])')


class Dialect(NamedTuple):
    """How fields are separated and quoted. ``spaced``: a blank follows each delimiter.

    ``bare``: backslashes escape outside of quotes too, as Python's csv module and pandas write it. Spark does not.
    """

    delimiter: str = ","
    quoting: str = "doubled"
    spaced: bool = False
    bare: bool = False

    def __str__(self) -> str:
        return f"{DELIMITERS[self.delimiter]}, {QUOTING[self.quoting]}"

    def reader(self, lines: Iterable[str]) -> "Iterator[list[str]]":
        """A strict reader. Lines of the backslash dialect must pass an Unescaper first."""
        if self.quoting == "none":
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, skipinitialspace=self.spaced, strict=True)


class Unescaper:
    """Converts backslash-escaped quotes to doubled quotes, line by line.

    ``bare`` counts converted fields without quotes around them. A field that also has other quotes, as JSON does, is
    text.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.inside = False  # a quoted field that continues in the next line
        self.bare = 0
        self._sign = "\\" if dialect.bare else '"'
        blanks = " *+" if dialect.spaced else ""
        ends = rf"{dialect.delimiter}\r\n"
        quoted = r'"((?:[^"\\]++|\\.|"")*+)("?)'
        bare = rf'([^"\\{ends}]*+(?:\\[^{ends}][^"\\{ends}]*+)++)(?=[{ends}]|\Z)' if dialect.bare else "((?!))"
        self._field = re.compile(rf"((?:^|{dialect.delimiter}){blanks})(?:{quoted}|{bare})", re.DOTALL)

    def __call__(self, line: str) -> str:
        if self.inside:
            return self._fields('"' + line)[1:]
        return self._fields(line) if '"' in line or self._sign in line else line

    def _fields(self, line: str) -> str:
        self.inside = False
        return self._field.sub(self._doubled, line)

    def _doubled(self, found: "re.Match[str]") -> str:
        before, text, quote, bare = found.groups()
        if bare:
            self.bare += '\\"' in bare
            text, quote = bare, '"'
        self.inside = not quote
        if "\\" in text:
            text = _ESCAPED.sub(lambda escape: '""' if escape[1] == '"' else "\\", text)
        return f'{before}"{text}{quote}'


def tell(head: Sequence[str], known: frozenset[str]) -> Dialect:
    """The dialect of a file that starts with the lines ``head``; ``known`` are folded column names."""

    def names(delimiter: str) -> tuple[int, int]:
        row = first_row(head, Dialect(delimiter))
        return len(known.intersection(map(folded, row))), len(row)

    delimiter = max(DELIMITERS, key=names)
    header = first_row(head, Dialect(delimiter))
    spaced = len(header) > 1 and all(name.startswith(" ") for name in header[1:])
    is_amazon_us = shapes.is_amazon_us(header)
    dialects = [Dialect(delimiter, "doubled", spaced)]
    if any('\\"' in line for line in head):
        may_be_bare = not (is_amazon_us or any(map(_DOUBLED.search, head)))
        dialects += [Dialect(delimiter, "backslash", spaced, bare) for bare in (False, may_be_bare)]
    if delimiter == "\t" and any('"' in line for line in head):
        dialects.insert(0 if is_amazon_us else len(dialects), Dialect(delimiter, "none", spaced))
    return dialects[0] if len(dialects) == 1 else max(dialects, key=lambda each: _fitness(head, each))


def first_row(head: Iterable[str], dialect: Dialect) -> list[str]:
    """The first row, empty if it cannot be read."""
    return next(iter(first_rows(head, dialect, 1)), [])


def first_rows(head: Iterable[str], dialect: Dialect, count: int) -> list[list[str]]:
    """Up to ``count`` first rows, ending before one that cannot be read."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(dialect.reader(head), count))
    return rows


def _fitness(head: Sequence[str], dialect: Dialect) -> tuple[int, int]:
    """Rows that fit the header minus rows that do not, and the number of fields escaped outside of quotes."""
    unescape = Unescaper(dialect)
    reader = dialect.reader(map(unescape, head) if dialect.quoting == "backslash" else head)
    width = fitness = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return fitness, unescape.bare
        except csv.Error:
            fitness -= 1
            unescape.inside = False
        else:
            width = width or len(row)
            fitness += 1 if len(row) == width else -1

"""Recognizes a file by its columns or its first bytes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from catalog import wire
from catalog.importers import aliases
from catalog.importers.aliases import Aliases
from catalog.importers.columns import folded


@dataclass(frozen=True)
class Columns:
    """The columns that an importer can use. ``aliases`` has the names of each field; ``known`` all folded names.

    ``required`` maps the description of a required value to the fields, one of which must have a column.
    """

    aliases: Aliases
    required: Mapping[str, tuple[str, ...]]

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(folded(name) for names in self.aliases.values() for name in names)

    @cached_property
    def spellings(self) -> frozenset[str]:
        """The names in lower case, and the folded names. A cell that is none of them is no header of a column."""
        return self.known | {name.casefold() for names in self.aliases.values() for name in names}


# The ratings of 2014 are user,item,…; those of 2018 are item,user,…
RATING_COLUMNS = (wire.REVIEWER_ID, "asin", "overall", wire.UNIX_REVIEW_TIME)
_ITEM = re.compile(r"B[0-9A-Z]{9}|[0-9]{9}[0-9X]")
_STARS = re.compile(r"[1-5](\.0)?")
_SECONDS = re.compile(r"[0-9]{8,13}")
_AMAZON_US = frozenset({"productid", "starrating", "reviewbody"})

_MAGIC = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"SQLite format 3\0": "an SQLite database",
    b"\x28\xb5\x2f\xfd": "zstd: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    # One layer of these is unpacked earlier.
    b"\x1f\x8b": "gzip inside of another compression: unpack it first",
    b"BZh": "bzip2 inside of another compression: unpack it first",
    b"\xfd7zXZ\0": "xz inside of another compression: unpack it first",
    b"PK\x03\x04": "zip inside of another compression: unpack it first",
    b"<": "HTML or XML",
}


def rating_columns(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The columns of a file of ratings without a header, judged by its first rows; None for other files."""
    if not rows or not all(
        len(row) == 4 and _STARS.fullmatch(row[2].strip()) and _SECONDS.fullmatch(row[3].strip()) for row in rows
    ):
        return None
    items = [sum(1 for row in rows if _ITEM.fullmatch(row[column].strip())) for column in (0, 1)]
    reviewer, asin, *others = RATING_COLUMNS
    return [asin, reviewer, *others] if items[0] > items[1] else [reviewer, asin, *others]


def is_amazon_us(header: Sequence[str]) -> bool:
    """Whether the columns are those of amazon_us_reviews, which never quotes fields."""
    return set(map(folded, header)) >= _AMAZON_US


def missing(header: Sequence[str], columns: Columns) -> list[str]:
    """The required columns that the header lacks, each with its possible names."""
    found = set(map(folded, header))
    wanted = {
        what: [n for field in fields for n in columns.aliases[field]] for what, fields in columns.required.items()
    }
    return [
        f"{what} (one of {', '.join(names)})" for what, names in wanted.items() if not found & set(map(folded, names))
    ]


def hint(header: Sequence[str], columns: Columns) -> str:
    """The end of an error message about a file of products where reviews are expected."""
    is_for_reviews = ("reviewer",) in columns.required.values()
    is_of_products = aliases.is_of_products(frozenset(map(folded, header)))
    return f"; {aliases.IS_PRODUCTS}" if is_for_reviews and is_of_products else ""


def kind_of_bytes(start: bytes) -> str | None:
    """The kind of an unreadable file by its first bytes; None if it may be readable."""
    for magic, what in _MAGIC.items():
        if start.lstrip(b" \r\n").startswith(magic) if magic == b"<" else start.startswith(magic):
            return what
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    if b"\0" in start.partition(b"\n")[0]:
        return "binary, or UTF-16 without a byte order mark"
    return None

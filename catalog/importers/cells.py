"""Reads one cell, of whatever field and file: absent, text, a number, a time, a list or an object."""

import math
import re
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from catalog.importers.literals import ABSENT, NotALiteral, parse

LONGEST_ABSENT = max(map(len, ABSENT))
LONGEST_NOTHING = 50  # characters of a cell that may say nothing, with blanks and brackets
# Characters of a list or an object that is no JSON. Those of the real data are shorter.
MAX_LITERAL = 200_000
MAX_DIGITS = 30
EXACT = 2**53  # from here on a float may be another integer than the file has
# A comma that does not group in threes may be a decimal one: "12,0" is not 120.
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")


def is_absent(raw: Any) -> bool:
    """Whether the cell says nothing: empty, null, NaN, the word for one of them, or a list of only such."""
    if isinstance(raw, str):
        return len(raw) <= LONGEST_NOTHING and cell(raw) is None
    if isinstance(raw, Decimal):
        return raw.is_nan()
    if isinstance(raw, float):
        return math.isnan(raw)
    if isinstance(raw, list | tuple):
        return all(not each if isinstance(each, list | tuple | dict) else is_absent(each) for each in raw)
    return raw is None or raw == {}


def cell(raw: Any) -> Any:
    """The value of a cell, None if it is absent. Text that is a whole list or object becomes that."""
    if isinstance(raw, str):
        text = raw.strip()
        if text in ABSENT:
            return None
        if text[0] not in "[{" or text[-1] not in "]}":
            return text
        found = _structure(text)
        if found is NotALiteral:
            return text
        raw = found
    if isinstance(raw, tuple):
        raw = list(raw)
    return None if is_absent(raw) else raw


def entries(raw: Any) -> list[Any]:
    """The entries of a cell that is a list, less absent ones; a cell with one value is a list of it."""
    found = cell(raw)
    if found is None:
        return []
    return [each for each in found if not is_absent(each)] if isinstance(found, list) else [found]


def whole(raw: Any) -> int | None:
    """An integer, from one, its text (``"1,024"``) or a float that is whole (``12.0``); None if it is none of these."""
    if isinstance(raw, str):
        text = raw.strip()
        # 1.000 is a thousand to some and one to others.
        if len(text) > MAX_DIGITS or "_" in text or text.endswith(".000"):
            return None
        if "," in text:
            if not _GROUPED.fullmatch(text):
                return None
            text = text.replace(",", "")
        try:
            raw = int(text) if text.isascii() and text.isdecimal() else float(text)
        except ValueError:
            return None
    if isinstance(raw, Decimal):
        raw = float(raw) if raw.is_finite() else None
    if isinstance(raw, float):
        return int(raw) if raw.is_integer() else None
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def as_text(raw: Any) -> str | None:
    """Text, or that of a time or of a number whose digits are all there; else None. A truth value is no text."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, float | Decimal) and not math.isfinite(raw):
        return None
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw)) if abs(raw) < EXACT else None  # 12.0 is 12
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | date):
        return None
    return str(raw) if not isinstance(raw, int) or raw.bit_length() <= 64 else None


def _structure(text: str) -> Any:
    """The list or object that ``text`` is, or NotALiteral itself if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if len(text) > MAX_LITERAL:
            return NotALiteral
    try:
        return parse(text)
    except NotALiteral:
        return NotALiteral

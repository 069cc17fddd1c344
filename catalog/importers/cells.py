"""Reads the cell of any field: absent, text, a number, a time, a list or an object."""

import math
import re
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from catalog.importers.literals import ABSENT, NotALiteral, parse

LONGEST_ABSENT = max(map(len, ABSENT))
LONGEST_NOTHING = 50  # characters of a cell that may be absent, including blanks and brackets
# Characters of a list or object that is not JSON; real data has shorter ones.
MAX_LITERAL = 200_000
MAX_DIGITS = 30
EXACT = 2**53  # above, a float may differ from the integer in the file
# A comma that does not group three digits may be a decimal comma: "12,0" is not 120.
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")


def is_absent(raw: Any) -> bool:
    """Whether the cell is empty, null, NaN, a word for one of these, or a list of only such values."""
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
    """The value of a cell, None if it is absent. Text that is a list or an object is parsed."""
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
    """The entries of a list, without absent ones; a single value counts as a list of one."""
    found = cell(raw)
    if found is None:
        return []
    return [each for each in found if not is_absent(each)] if isinstance(found, list) else [found]


def whole(raw: Any) -> int | None:
    """An integer from an int, a text (``"1,024"``) or a whole float (``12.0``), else None."""
    if isinstance(raw, str):
        text = raw.strip()
        # 1.000 is ambiguous: a thousand or one.
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
    """The text of a string, a time or a number with all its digits; None for anything else, such as a bool."""
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
    """The list or object in ``text``, or the class NotALiteral if there is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if len(text) > MAX_LITERAL:
            return NotALiteral
    try:
        return parse(text)
    except NotALiteral:
        return NotALiteral

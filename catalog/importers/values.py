"""One value at a time: what a raw field means, or RejectedRow with the reason."""

import html
import math
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.importers.formats import RejectedRow, literal
from catalog.models import ASIN_PATTERN

_ASIN = re.compile(ASIN_PATTERN)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_PRICE = re.compile(r"\$?\s*([0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
_VOTES = re.compile(r"\[\s*(-?[0-9]+)\s*,\s*(-?[0-9]+)\s*\]")
MAX_VOTES = 2**31 - 1
MAX_TIME = 2**32


def text(raw: Any, name: str, longest: int) -> str:
    """Text with its HTML entities decoded and the white space around it gone; None is empty; lists are joined."""
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return ""
    if isinstance(raw, list):
        raw = " ".join(each for each in raw if isinstance(each, str))
    if not isinstance(raw, str):
        raise RejectedRow(f"{name}: not text")
    decoded = html.unescape(raw).strip() if "&" in raw else raw.strip()
    if (not decoded.isascii() or "\0" in decoded) and _UNSTORABLE.search(decoded):
        raise RejectedRow(f"{name}: holds a NUL or is not UTF-8")
    if len(decoded) > longest:
        raise RejectedRow(f"{name}: longer than {longest} characters")
    return decoded


def asin(raw: Any) -> str:
    """A product's id. It stays text, even where it is all digits."""
    if not isinstance(raw, str) or not _ASIN.fullmatch(raw):
        raise RejectedRow("asin: missing" if raw in (None, "") else "asin: not 1 to 32 letters, digits or . _ -")
    return raw


def price(raw: Any) -> Decimal | None:
    """``9.99``, ``$1,000.00`` or a number; what is no price at all (the data has CSS in it) is None."""
    if isinstance(raw, str):
        found = _PRICE.fullmatch(raw.strip())
        raw = found.group(1).replace(",", "") if found else None
    if raw is None or isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    try:
        value = Decimal(str(raw)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    return value if 0 <= value < 10**8 else None


def stars(raw: Any) -> int:
    """A rating, 1 to 5."""
    try:
        value = float(raw)
    except (TypeError, ValueError):
        raise RejectedRow("overall: not a number") from None
    if value not in (1.0, 2.0, 3.0, 4.0, 5.0):
        raise RejectedRow("overall: not one of 1, 2, 3, 4, 5")
    return int(value)


def votes(raw: Any) -> tuple[int, int]:
    """Helpful votes and all votes, from ``[a, b]``, its text, or a single count of helpful ones; none are (0, 0)."""
    if raw in (None, "", "[0, 0]"):
        return 0, 0
    if isinstance(raw, str):
        found = _VOTES.fullmatch(raw)
        raw = found.groups() if found else raw.replace(",", "")
    pair = raw if isinstance(raw, list | tuple) else [raw, raw]
    try:
        helpful, total = (int(each) for each in pair)
    except (TypeError, ValueError, OverflowError):
        raise RejectedRow("helpful: not [helpful votes, all votes]") from None
    if not 0 <= helpful <= total <= MAX_VOTES:
        raise RejectedRow("helpful: not 0 ≤ helpful votes ≤ all votes")
    return helpful, total


def seconds(raw: Any, day: Any = None) -> int:
    """Seconds since 1970, from a number in seconds or milliseconds, else from a ``day`` such as ``02 8, 2014``."""
    if raw in (None, "") and isinstance(day, str) and day:
        try:
            return int(datetime.strptime(day, "%m %d, %Y").replace(tzinfo=UTC).timestamp())
        except ValueError:
            raise RejectedRow("reviewTime: not a day such as 02 8, 2014") from None
    try:
        value = int(float(raw))
    except (TypeError, ValueError, OverflowError):
        raise RejectedRow("unixReviewTime: missing or not a number") from None
    if value > MAX_TIME:
        value //= 1000
    if not 0 <= value <= MAX_TIME:
        raise RejectedRow("unixReviewTime: not a time between 1970 and 2106")
    return value


def names(raw: Any, name: str) -> list[str]:
    """Category names, widest first: from a list, a list of such lists (the first counts), or the text of either."""
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        raw = literal(raw)
    if isinstance(raw, str):
        raw = [raw]
    if isinstance(raw, list) and raw and isinstance(raw[0], list):
        raw = raw[0]
    if not isinstance(raw, list):
        return []
    found = (text(each, name, 200) for each in raw)
    return list(dict.fromkeys(each for each in found if each))[:20]


def asins(raw: Any) -> list[str]:
    """Those of a list that can be asins."""
    return [each for each in raw if isinstance(each, str) and _ASIN.fullmatch(each)] if isinstance(raw, list) else []


def mapping(raw: Any) -> dict[str, Any]:
    """An object, or the text of one; anything else is empty."""
    if isinstance(raw, str) and raw.lstrip().startswith("{"):
        raw = literal(raw)
    return raw if isinstance(raw, dict) else {}

"""Reads single fields from raw cells. The functions raise RejectedRow."""

import html
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from html.entities import html5
from typing import Any

from django.core.exceptions import ValidationError

from catalog import rules, wire
from catalog.importers.cells import LONGEST_ABSENT, as_text, cell, entries, is_absent, whole
from catalog.importers.formats import RejectedRow
from catalog.importers.literals import ABSENT

NOT_UTF8 = "not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)"
_UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as surrogateescape decodes them
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_STARS = {text: stars for stars in range(1, 6) for text in (f"{stars}", f"{stars}.0", f"{stars},0")}
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(?:\.[0-9]*)?\s*")
_DAY = re.compile(r"[0-9]{1,2} [0-9]{1,2}, [0-9]{4}")
_FIRST_TIME = 100_000_000  # seconds; a smaller number is a day such as 20150831
_MANY_DIGITS = 20  # characters of a number of seconds with a fraction
_is_picture_url = rules.PictureURLValidator()


def text(raw: Any, name: str, longest: int, decode: bool = True) -> str:
    """Text without surrounding white space, empty if absent. With ``decode`` HTML entities are decoded."""
    if raw.__class__ is not str:
        raw = _joined(raw, name)
    kept: str = raw.strip()
    if len(kept) <= LONGEST_ABSENT and kept in ABSENT:
        return ""
    if decode and "&" in kept:
        kept = _ENTITY.sub(_character, kept).strip()
    if (not kept.isascii() or "\0" in kept) and (found := _UNSTORABLE.search(kept)):
        raise RejectedRow(f"{name}: {NOT_UTF8 if _UNDECODED.match(found[0]) else 'holds a NUL or half a character'}")
    if len(kept) > longest:
        raise RejectedRow(f"{name}: longer than {longest} characters")
    return kept


def paragraphs(raw: Any, name: str, longest: int) -> str:
    """Text, or the joined parts of a list in text."""
    if isinstance(raw, str):
        found = cell(raw)
        # A list of other values is text, such as the title [1984].
        if found is None or (isinstance(found, list) and all(is_absent(e) or isinstance(e, str) for e in found)):
            raw = found
    return text(raw, name, longest)


def _joined(raw: Any, name: str) -> str:
    if isinstance(raw, list):
        return " ".join(each for each in raw if isinstance(each, str))
    found = "" if is_absent(raw) else as_text(raw)
    if found is None:
        raise RejectedRow(f"{name}: not text")
    return found


def _character(entity: re.Match[str]) -> str:
    # Unknown entities stay: html.unescape alone would decode the first letters of &notable;.
    written = entity[0]
    return html.unescape(written) if written[1] == "#" else html5.get(written[1:], written)


def asin(raw: Any) -> str:
    """A product's id. It must be text, even if it is all digits: a number may have lost leading zeros."""
    if isinstance(raw, str):
        raw = raw.strip()
        if rules.is_asin(raw) and not (len(raw) <= LONGEST_ABSENT and raw in ABSENT):
            return str(raw)
    if is_absent(raw):
        raise RejectedRow("asin: missing")
    if whole(raw) is not None and not isinstance(raw, str):
        raise RejectedRow("asin: a number; write it as text, which keeps leading zeros")
    raise RejectedRow("asin: not 1 to 255 letters, digits or . _ -")


def reviewer(raw: Any) -> str:
    """A reviewer's id, unchanged."""
    found = text(raw, wire.REVIEWER_ID, rules.MAX_REVIEWER, False)
    if not found:
        raise RejectedRow(f"{wire.REVIEWER_ID}: missing")
    return found


def stars(raw: Any) -> int:
    """A rating, 1 to 5."""
    if isinstance(raw, str) and (known := _STARS.get(raw)):
        return known
    value = whole(raw)
    if value is None or not 1 <= value <= 5:
        raise RejectedRow("overall: not one of 1, 2, 3, 4, 5" if _is_number(raw) else "overall: not a number")
    return value


def _is_number(raw: Any) -> bool:
    if isinstance(raw, str):
        return _NUMBER.fullmatch(raw) is not None
    return isinstance(raw, int | float) and not isinstance(raw, bool) and not is_absent(raw)


def votes(raw: Any, all_votes: Any = None) -> tuple[int, int]:
    """Helpful votes and all votes, from a pair, its text or a count of helpful votes; (0, 0) if absent."""
    if raw.__class__ is str and all_votes is None and len(raw) < 30:
        return _votes_of_text(raw)
    return _votes(raw, all_votes)


@lru_cache(4096)  # a few spellings make up most of a file
def _votes_of_text(raw: str) -> tuple[int, int]:
    return _votes(raw, None)


def _votes(raw: Any, all_votes: Any) -> tuple[int, int]:
    found = cell(raw)
    if found is None and is_absent(all_votes):
        return 0, 0
    pair = found if isinstance(found, list) else [0 if found is None else found]
    if len(pair) == 1:
        pair = [pair[0], pair[0] if is_absent(all_votes) else all_votes]
    numbers = [whole(each) for each in pair]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        raise RejectedRow("helpful: not [helpful votes, all votes]")
    helpful, total = numbers[0], numbers[1]
    if not 0 <= helpful <= total <= rules.MAX_VOTES:
        raise RejectedRow("helpful: not 0 ≤ helpful votes ≤ all votes")
    return helpful, total


def seconds(raw: Any, day: Any = None) -> int:
    """Seconds since 1970 in UTC, from seconds, milliseconds or a time, else from a ``day``."""
    if raw.__class__ is str and len(raw) <= 10 and raw.isascii() and raw.isdecimal():
        value = int(raw)
    elif is_absent(raw):
        if is_absent(day):
            raise RejectedRow(f"{wire.UNIX_REVIEW_TIME}: missing or not a number")
        value = _of_day(day)
    else:
        value = _of_time(raw)
    if not 0 <= value <= rules.MAX_TIME:
        raise RejectedRow(f"{wire.UNIX_REVIEW_TIME}: not a time between 1970 and 2106")
    if value > rules.latest_time():
        raise RejectedRow(f"{wire.UNIX_REVIEW_TIME}: in the future")
    return value


def _of_time(raw: Any) -> int:
    if isinstance(raw, date):
        return _of_date(raw)
    try:
        if not isinstance(raw, bool) and (not isinstance(raw, str) or len(raw) <= _MANY_DIGITS):
            value = int(float(raw))
            return value // 1000 if value > rules.MAX_TIME else value
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return _of_date(datetime.fromisoformat(raw.strip()))
    except (AttributeError, TypeError, ValueError):
        raise RejectedRow(f"{wire.UNIX_REVIEW_TIME}: missing or not a number") from None


def _of_day(day: Any) -> int:
    try:
        if isinstance(day, date):
            return _of_date(day)
        if isinstance(day, int | float):
            if day >= _FIRST_TIME:  # from to_json of pandas
                return _of_time(day)
            day = as_text(day)
        day = day.strip()
        return _of_date(datetime.strptime(day, "%m %d, %Y") if _DAY.fullmatch(day) else datetime.fromisoformat(day))
    except (AttributeError, TypeError, ValueError):
        raise RejectedRow(f"{wire.REVIEW_TIME}: not a day such as 2014-02-08 or 02 8, 2014") from None


def _of_date(day: date) -> int:
    moment = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)
    try:
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError):
        raise RejectedRow(f"{wire.UNIX_REVIEW_TIME}: not a time between 1970 and 2106") from None


def names(raw: Any) -> list[Any]:
    """The entries of a list, or of the first of several lists; a single value counts as a list of one."""
    found = entries(raw)
    return entries(found[0]) if found and isinstance(found[0], list) else found


def asins(raw: Iterable[Any]) -> list[str]:
    """The values that are valid asins."""
    return [each for each in raw if isinstance(each, str) and rules.is_asin(each)]


def is_url(address: str) -> bool:
    """Whether the catalogue accepts the URL for a picture."""
    try:
        _is_picture_url(address)
    except ValidationError:
        return False
    return len(address) <= rules.MAX_URL

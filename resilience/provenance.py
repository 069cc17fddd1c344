"""Where the answers of one request came from: live, stale or default.

A request that reads twice reports the worse source, so that nothing stale passes for live.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Source = Literal["live", "stale", "default"]
SOURCES: tuple[Source, ...] = ("live", "stale", "default")


@dataclass(slots=True)
class Provenance:
    """``source`` is None until something was read. ``age``, in seconds, is set only while the source is stale."""

    source: Source | None = None
    age: float | None = None

    def headers(self) -> dict[str, str]:
        """Return X-Data-Source, and Age in whole seconds if it is stale."""
        headers: dict[str, str] = {"X-Data-Source": self.source} if self.source else {}
        return headers if self.age is None else headers | {"Age": str(int(self.age))}


_current: ContextVar[Provenance | None] = ContextVar("provenance", default=None)


def begin() -> Provenance:
    """Start a record for this request, which ``note`` fills, and return it."""
    provenance = Provenance()
    _current.set(provenance)
    return provenance


@contextmanager
def apart() -> Iterator[Provenance]:
    """Yield a record for the answers of the block alone. Afterwards they count for the request as well."""
    own = Provenance()
    token = _current.set(own)
    try:
        yield own
    finally:
        _current.reset(token)
        if own.source:
            note(own.source, own.age)


def headers() -> dict[str, str]:
    """Return the headers for the answers so far; none outside of a request."""
    provenance = _current.get()
    return provenance.headers() if provenance else {}


def note_headers(headers: Mapping[str, str]) -> None:
    """Record the source that another service reports in the same headers."""
    source = headers.get("X-Data-Source")
    age = headers.get("Age", "")
    if source in SOURCES:
        # Ten digits are three centuries. Thousands of digits would not even parse.
        note(source, float(age) if age.isdecimal() and len(age) <= 10 else None)


def note(source: Source, age: float | None = None) -> None:
    """Record one answer; ``age`` is in seconds. Does nothing outside of a request."""
    provenance = _current.get()
    if provenance is None:
        return
    if provenance.source is None or SOURCES.index(source) > SOURCES.index(provenance.source):
        provenance.source, provenance.age = source, age
    elif source == "stale" == provenance.source:
        provenance.age = max((each for each in (age, provenance.age) if each is not None), default=None)

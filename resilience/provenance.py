"""Where the answers of one request came from: live, stale or default.

A request that reads twice says the worst of both, so that nothing stale passes for live.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Source = Literal["live", "stale", "default"]
SOURCES: tuple[Source, ...] = ("live", "stale", "default")


@dataclass(slots=True)
class Provenance:
    """``source`` is None until something was read; ``age`` is in seconds and set only while the source is stale."""

    source: Source | None = None
    age: float | None = None

    def headers(self) -> dict[str, str]:
        """What a response says of it: X-Data-Source, and Age in whole seconds where it is stale."""
        headers: dict[str, str] = {"X-Data-Source": self.source} if self.source else {}
        return headers if self.age is None else headers | {"Age": str(int(self.age))}


_current: ContextVar[Provenance | None] = ContextVar("provenance", default=None)


def begin() -> Provenance:
    """Start recording for the request at hand and return the record that ``note`` fills."""
    provenance = Provenance()
    _current.set(provenance)
    return provenance


def headers() -> dict[str, str]:
    """The headers for what was recorded so far; none outside of a request."""
    provenance = _current.get()
    return provenance.headers() if provenance else {}


def note_headers(headers: Mapping[str, str]) -> None:
    """Record what another service said of its own answer, in the headers that this one uses too."""
    source = headers.get("X-Data-Source")
    age = headers.get("Age", "")
    if source in SOURCES:
        # More digits than a century has seconds are no age, and hundreds of them no number.
        note(source, float(age) if age.isdecimal() and len(age) <= 10 else None)


def note(source: Source, age: float | None = None) -> None:
    """Record one answer; ``age`` in seconds. Does nothing outside of a request."""
    provenance = _current.get()
    if provenance is None:
        return
    if provenance.source is None or SOURCES.index(source) > SOURCES.index(provenance.source):
        provenance.source, provenance.age = source, age
    elif source == "stale" == provenance.source:
        provenance.age = max((each for each in (age, provenance.age) if each is not None), default=None)

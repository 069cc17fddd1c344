"""The rows that could not be used, and what most of them have in common."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog.importers.formats import BrokenQuote, RejectedRow

# More kinds of reasons than this are not told apart, so that memory stays bounded.
MAX_KINDS = 1000


class Location(NamedTuple):
    """Where a row stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


class Rejection(NamedTuple):
    """Why the row at ``place`` is not used."""

    place: Location
    reason: str
    kind: str
    damage: bool

    @classmethod
    def of(cls, place: Location, error: RejectedRow) -> "Rejection":
        # Not the error itself: it holds on to the frames it came through, with all that is in them.
        return cls(place, str(error), error.kind, isinstance(error, BrokenQuote))


@dataclass
class Reasons:
    """How often each kind of reason was given, with its first example, and the first sign of a damaged file."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Rejection] = field(default_factory=dict)
    damage: Rejection | None = None

    def add(self, rejection: Rejection) -> None:
        kind = rejection.kind if rejection.kind in self.examples or len(self.examples) < MAX_KINDS else "other reasons"
        self.counts[kind] += 1
        self.examples.setdefault(kind, rejection)
        if rejection.damage and not self.damage:
            self.damage = rejection

    def most_frequent(self, count: int) -> str:
        """``asin: missing (12 times, first in a.csv, line 3); …``, what says that a file is damaged before others."""
        damage = self.damage.kind if self.damage else None
        kinds = sorted(self.counts, key=lambda kind: (kind != damage, -self.counts[kind]))
        return "; ".join(
            f"{kind} ({_times(self.counts[kind])} in {self.examples[kind].place})" for kind in kinds[:count]
        )


def _times(number: int) -> str:
    return "once," if number == 1 else f"{number} times, first"

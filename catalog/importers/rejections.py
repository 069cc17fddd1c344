"""Rejected rows, and their most frequent reasons."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog.importers.formats import BrokenQuote, RejectedRow

# Further kinds of reasons are counted together, which bounds memory.
MAX_KINDS = 1000


class Location(NamedTuple):
    """The file and line of a row."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


class Rejection(NamedTuple):
    """Why the row at ``place`` was rejected."""

    place: Location
    reason: str
    kind: str
    damage: bool

    @classmethod
    def of(cls, place: Location, error: RejectedRow) -> "Rejection":
        # Not the error itself, whose traceback keeps frames and their variables alive.
        return cls(place, str(error), error.kind, isinstance(error, BrokenQuote))


@dataclass
class Reasons:
    """Counts of each kind of reason with its first example, and the first sign of a damaged file."""

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
        """``asin: missing (12 times, first in a.csv, line 3); …``, signs of damage first."""
        damage = self.damage.kind if self.damage else None
        kinds = sorted(self.counts, key=lambda kind: (kind != damage, -self.counts[kind]))
        return "; ".join(
            f"{kind} ({_times(self.counts[kind])} in {self.examples[kind].place})" for kind in kinds[:count]
        )


def _times(number: int) -> str:
    return "once," if number == 1 else f"{number} times, first"

"""The orders of a list of reviews, and the place where a page ends in each."""

import re
from typing import NamedTuple

Position = tuple[int, int]  # the sorted value and the id of the last row of a page

_POSITION = re.compile(r"(-?[0-9]{1,19})\.([0-9]{1,19})")
_MAX = 2**63 - 1  # of a bigint


class Order(NamedTuple):
    """Sorted by an attribute of a review, then by id in the same direction: an index serves both directions."""

    by: str
    is_descending: bool

    @property
    def sql(self) -> str:
        """What ORDER BY takes."""
        direction = "DESC" if self.is_descending else "ASC"
        return f"{self.by} {direction}, id {direction}"

    @property
    def is_after(self) -> str:
        """The condition of the rows after a Position, which are its parameters."""
        return f"({self.by}, id) {'<' if self.is_descending else '>'} (%s, %s)"


ORDERS = {
    "newest": Order("unix_review_time", True),
    "helpful": Order("helpful_votes", True),
    "rating": Order("overall", False),
    "-rating": Order("overall", True),
}


def position(text: str) -> Position | None:
    """The position that ``Page.next_after`` wrote as ``text``; None if it is none."""
    match = _POSITION.fullmatch(text)
    if match is None:
        return None
    value, number = int(match[1]), int(match[2])
    return (value, number) if abs(value) <= _MAX and number <= _MAX else None

"""The orders of lists, and the keys by which their pages continue."""

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

Key = tuple[Any, ...]


class Order(NamedTuple):
    """The order of rows: SQL expressions with their parameters, all in one direction, so that an index serves both.

    The last expression must be unique. Together their values are the key of a row, which pages continue after.
    """

    columns: tuple[str, ...]
    is_descending: bool = False
    parameters: tuple[Any, ...] = ()

    def clause(self) -> str:
        """What follows ORDER BY, by the names of the key's columns."""
        return ", ".join(f"key_{number}{' DESC' * self.is_descending}" for number in range(len(self.columns)))

    def after(self, key: Key) -> tuple[str, list[Any]]:
        """The condition that rows come after ``key``, and its parameters. An index finds them at any depth."""
        places = ", ".join(["%s"] * len(key))
        sign = "<" if self.is_descending else ">"
        return f"({', '.join(self.columns)}) {sign} ({places})", [*self.parameters, *key]


BY_ID = Order(("id",))
REVIEW_ORDERS = {
    "newest": Order(("unix_review_time", "id"), is_descending=True),
    "helpful": Order(("helpful_votes", "id"), is_descending=True),
    "rating": Order(("overall", "id")),
    "-rating": Order(("overall", "id"), is_descending=True),
}


def key_of(text: str) -> Key:
    """The key that ``as_text`` wrote. Raises ValueError."""
    key = orjson.loads(f"[{text}]")
    is_number = all(type(value) in (int, float) and abs(value) < 2**63 for value in key)
    if not is_number or type(key[-1]) is not int or key[-1] < 0:  # it ends with an id
        raise ValueError(text)
    return tuple(key)


def as_text(key: Key) -> str:
    """The key as numbers with commas between them."""
    numbers = [float(value) if isinstance(value, Decimal) else value for value in key]
    return orjson.dumps(numbers).decode()[1:-1]

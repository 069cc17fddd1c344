"""The orders of lists, and the keys by which their pages continue."""

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

Key = tuple[Any, ...]


class Order(NamedTuple):
    """The order of rows: SQL expressions with their parameters, and which of them are descending.

    The last one must be unique. Together their values are the key of a row, which pages continue after.
    """

    columns: tuple[str, ...]
    descending: tuple[bool, ...]
    parameters: tuple[Any, ...] = ()  # of the first column

    def clause(self) -> str:
        """What follows ORDER BY, by the names of the key's columns."""
        return ", ".join(f"key_{n}{' DESC' * is_descending}" for n, is_descending in enumerate(self.descending))

    def after(self, key: Key) -> tuple[str, list[Any]]:
        """The condition that rows come after ``key``, and its parameters."""
        if len(set(self.descending)) == 1:  # an index finds it at once, however many rows have an equal first value
            places = ", ".join(["%s"] * len(key))
            sign = "<" if self.descending[0] else ">"
            return f"({', '.join(self.columns)}) {sign} ({places})", [*self.parameters, *key]
        sql, parameters = "", list[Any]()
        # From the last column to the first: (a > x OR (a = x AND (b > y OR …))). The first part alone limits an index.
        for place in reversed(range(len(self.columns))):
            own = self.parameters if place == 0 else ()
            column, sign = self.columns[place], "<" if self.descending[place] else ">"
            if sql:
                sql = f"{column} {sign}= %s AND ({column} {sign} %s OR ({sql}))"
                parameters = [*own, key[place], *own, key[place], *parameters]
            else:
                sql, parameters = f"{column} {sign} %s", [*own, key[place]]
        return sql, parameters


BY_ID = Order(("id",), (False,))
# Of reviews. The id goes in the same direction: an index serves both directions.
REVIEW_ORDERS = {
    "newest": Order(("unix_review_time", "id"), (True, True)),
    "helpful": Order(("helpful_votes", "id"), (True, True)),
    "rating": Order(("overall", "id"), (False, False)),
    "-rating": Order(("overall", "id"), (True, True)),
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

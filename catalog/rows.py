"""Reads rows by hand-written SQL: for a few rows the ORM takes longer to build its SQL than the database to answer."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from django.db import connection
from django.db.models import JSONField, Model, TextField

from catalog.orders import BY_ID, Key, Order

R = TypeVar("R", bound=NamedTuple)
Values = tuple[Any, ...]

# Bytes that the long values of a page may take together. A thousand reviews of usual length stay below it.
MAX_PAGE_BYTES = 2_000_000
# SQL for the bytes of a value of unlimited length.
_BYTES = {"sqlite": "length(CAST({} AS BLOB))", "postgresql": "octet_length({})"}


def select(sql: str, *parameters: Any) -> list[Values]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[Values] = cursor.fetchall()
        return rows


def select_parts(
    parts: Sequence[tuple[str, Sequence[Any]]], common: tuple[str, Sequence[Any]] = ("", ())
) -> list[list[Values]]:
    """The rows of several selections, each without its SELECT and with its parameters. One query.

    ``common`` is a WITH clause that they share.
    """
    # Each part is sorted and limited within itself. Databases append parts as they are.
    sql = " UNION ALL ".join(
        f"SELECT * FROM (SELECT {number} AS part, {selection}) AS part_{number}"  # noqa: S608
        for number, (selection, _) in enumerate(parts)
    )
    with_clause, parameters = common
    found: list[list[Values]] = [[] for _ in parts]
    given = chain(parameters, *(parameters for _, parameters in parts))
    for part, *values in select(f"{with_clause} {sql}", *given):
        found[part].append(tuple(values))
    return found


def placeholders(values: Sized) -> str:
    """``%s`` for each value of a list in SQL; NULL, which equals nothing, for none."""
    return ", ".join(["%s"] * len(values)) or "NULL"


class Page(NamedTuple, Generic[R]):
    """Some rows; if there are more, the key of the last one, to continue after; and the number of rows on all pages,
    if it was counted."""

    rows: list[R]
    next_after: Key | None
    total: "Total | None" = None


class Total(NamedTuple):
    number: int
    is_exact: bool


class Rows(Generic[R]):
    """Reads rows of type ``row``, whose fields are attributes of ``model`` and include ``id``.

    ``instead`` maps an attribute to the SQL that is selected in place of its column. The methods take SQL clauses and
    their parameters; a table that they join must not have columns of the same names.
    """

    def __init__(self, model: type[Model], row: type[R], *, instead: Mapping[str, str] | None = None) -> None:
        self._model, self._row, self._table = model, row, model._meta.db_table
        by_name: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}
        self._names = row._fields
        self._id = self._names.index("id")
        self._json_names = {name for name in self._names if isinstance(by_name[name], JSONField)}
        columns = {name: (instead or {}).get(name, by_name[name].column) for name in self._names}
        self._all = ", ".join(
            f"CAST({column} AS text) AS {name}" if name in self._json_names else f"{column} AS {name}"
            for name, column in columns.items()
        )
        self._long = [name for name in self._names if isinstance(by_name[name], TextField | JSONField)]

    def fetch(self, clauses: str, *parameters: Any) -> list[R]:
        """The rows selected by ``clauses`` (JOIN, WHERE and what follows). One query."""
        return self._made(self._query(self._all, f"{self._table} {clauses}", *parameters))

    def fetch_parts(self, *parts: tuple[str, Sequence[Any]]) -> list[list[R]]:
        """The rows of several selections, each by its clauses and parameters. One query."""
        found = select_parts([(f"{self._all} FROM {self._table} {clauses}", given) for clauses, given in parts])
        return [self._made(part) for part in found]

    def page(self, clauses: str, *parameters: Any, limit: int, skip: int = 0, order: Order = BY_ID) -> Page[R]:
        """Up to ``limit`` rows in ``order``, fewer if they would take more than MAX_PAGE_BYTES, but at least one.

        The first query leaves out long values. If there are any, a second one fetches their rows.
        """
        long = MAX_PAGE_BYTES // (limit + 1)
        # Asked now, not at import: a standby may be of another vendor.
        bytes_of = _BYTES[connection.vendor]
        sizes = {name: bytes_of.format(name) for name in self._long}
        short = [
            f"CASE WHEN {sizes[name]} <= {long} THEN {name} END" if name in sizes else name for name in self._names
        ]
        # JSON counts by its text: stored, it may be compressed to a hundredth. The inner query converts each value to
        # text once; the outer one keeps its order.
        clauses = f"{clauses} ORDER BY {order.clause()} LIMIT %s OFFSET %s"
        keys = [f"{column} AS key_{number}" for number, column in enumerate(order.columns)]
        inner = f"(SELECT {', '.join(keys)}, {self._all} FROM {self._table} {clauses}) AS page"  # noqa: S608
        size = " + ".join(sizes.values()) or "0"
        outer = ", ".join([*short, size, *(f"key_{number}" for number in range(len(keys)))])
        found = self._query(outer, inner, *order.parameters, *parameters, limit + 1, skip)
        width = len(self._names)
        count = _fitting([values[width] for values in found[:limit]])
        fitting = {values[self._id]: values[:width] for values in found[:count]}
        if cut := [values[self._id] for values in found[:count] if values[width] > long]:
            whole = self._query(self._all, f"{self._table} WHERE id IN ({placeholders(cut)})", *cut)
            # A row that was deleted in between is left out.
            fitting |= dict.fromkeys(cut) | {values[self._id]: values for values in whole}
        next_after = found[count - 1][width + 1 :] if count < len(found) else None
        return Page(self._made(filter(None, fitting.values())), next_after)

    def in_order_of(
        self, column: str, values: Iterable[Any], clauses: str = "", *, limit: int | None = None
    ) -> list[R]:
        """The rows whose unique ``column`` has one of the ``values``, in their order, and which ``clauses`` select.

        There may be fewer, as on a page: after MAX_PAGE_BYTES no more follow.
        """
        places = dict.fromkeys(values)
        if not places:
            return []
        given = f"JOIN (VALUES {', '.join(['(%s, %s)'] * len(places))}) AS given ON given.column1 = {column} {clauses}"
        parameters = [each for place, value in enumerate(places) for each in (value, place)]
        return self.page(given, *parameters, limit=limit or len(places), order=Order(("given.column2",))).rows

    def get(self, clauses: str, *parameters: Any) -> R:
        """The first row that ``fetch`` finds. Raises the model's DoesNotExist."""
        for row in self.fetch(clauses, *parameters):
            return row
        raise self._model.DoesNotExist  # type: ignore[attr-defined]

    def of(self, instance: Model) -> R:
        """The row of an instance that was just written. No query."""
        values = ((name, getattr(instance, name)) for name in self._names)
        return self._row._make(
            orjson.dumps(value).decode() if name in self._json_names else value for name, value in values
        )

    def _query(self, columns: str, source: str, *parameters: Any) -> list[Values]:
        return select(f"SELECT {columns} FROM {source}", *parameters)  # noqa: S608

    def _made(self, found: Iterable[Values]) -> list[R]:
        return list(map(self._row._make, found))


def _fitting(sizes: list[int]) -> int:
    """The number of first rows that make a page."""
    total = 0
    for number, size in enumerate(sizes):
        total += size
        if total > MAX_PAGE_BYTES and number:
            return number
    return len(sizes)

"""Model instances from SQL that is written once: for a read of a few rows the ORM takes longer to write its SQL than
the database takes to answer it, and these reads are what the service does all day."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import JSONField, Model, TextField
from django.db.models.base import ModelState

M = TypeVar("M", bound=Model)
Row = tuple[Any, ...]

# What the long values of a page's rows may take together. A thousand reviews of usual length stay below it.
MAX_PAGE_BYTES = 2_000_000


class Page(NamedTuple, Generic[M]):
    """Some rows, and the id after which there are more, if there are."""

    rows: list[M]
    next_after: int | None


class Rows(Generic[M]):
    """The columns of ``model``, or ``only`` some of them. ``instead`` has SQL to select in place of a column.

    Clauses and parameters are those of the SQL; a table that they join must not have columns of the same names.
    """

    def __init__(self, model: type[M], *, only: Collection[str] = (), instead: Mapping[str, str] | None = None) -> None:
        self._model, self._table = model, model._meta.db_table
        fields = [field for field in model._meta.concrete_fields if not only or field.attname in only]
        self._names = [field.attname for field in fields]
        self._id = self._names.index("id")
        self._json_names = [field.attname for field in fields if isinstance(field, JSONField)]
        columns = {field: (instead or {}).get(field.attname, str(field.column)) for field in fields}
        self._all = ", ".join(
            f"CAST({column} AS text) AS {field.attname}"
            if isinstance(field, JSONField)
            else f"{column} AS {field.attname}"
            for field, column in columns.items()
        )
        # The bytes of each value that has no length of its own that it cannot exceed, as SQL.
        length = "length(CAST({} AS BLOB))" if connection.vendor == "sqlite" else "octet_length({})"
        self._sizes = {
            field.attname: length.format(field.attname) for field in fields if isinstance(field, TextField | JSONField)
        }

    def fetch(self, clauses: str, *parameters: Any) -> list[M]:
        """The rows that SQL ``clauses`` (JOIN, WHERE and what follows it) with ``parameters`` choose. One query.

        What is JSON stays the text that the database sent: a list of rows goes out as it came.
        """
        return self._instances(self._query(self._all, f"{self._table} {clauses}", *parameters))

    def page(self, clauses: str, *parameters: Any, limit: int, skip: int = 0, order: str = "id") -> Page[M]:
        """Up to ``limit`` of these rows in ``order``, fewer if they would take more than MAX_PAGE_BYTES, at least one.

        One query leaves out long values; if there are any, a second one fetches the rows that have them.
        """
        long = MAX_PAGE_BYTES // (limit + 1)
        short = [
            f"CASE WHEN {self._sizes[name]} <= {long} THEN {name} END" if name in self._sizes else name
            for name in self._names
        ]
        # JSON counts with its text: stored, it may be compressed to a hundredth. The inner query makes each text once;
        # the outer one keeps its order.
        clauses = f"{clauses} ORDER BY {order} LIMIT %s OFFSET %s"
        inner = f"(SELECT {self._all} FROM {self._table} {clauses}) AS page"  # noqa: S608
        total = " + ".join(self._sizes.values()) or "0"
        found = self._query(", ".join([*short, total]), inner, *parameters, limit + 1, skip)
        count = _fitting([row[-1] for row in found[:limit]])
        fitting = {row[self._id]: row[:-1] for row in found[:count]}
        if keys := [row[self._id] for row in found[:count] if row[-1] > long]:
            marks = ", ".join(["%s"] * len(keys))
            whole = self._query(self._all, f"{self._table} WHERE id IN ({marks})", *keys)
            # A row that has been deleted since is left out.
            fitting |= dict.fromkeys(keys) | {row[self._id]: row for row in whole}
        next_after = found[count - 1][self._id] if count < len(found) else None
        return Page(self._instances(filter(None, fitting.values())), next_after)

    def get(self, clauses: str, *parameters: Any) -> M:
        """The first row that ``fetch`` finds, its JSON read. Raises the model's DoesNotExist."""
        for instance in self.fetch(clauses, *parameters):
            for name in self._json_names:
                setattr(instance, name, orjson.loads(getattr(instance, name)))
            return instance
        raise self._model.DoesNotExist  # type: ignore[attr-defined]

    def _query(self, columns: str, source: str, *parameters: Any) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {source}", parameters)  # noqa: S608
            rows: list[Row] = cursor.fetchall()
            return rows

    def _instances(self, rows: Iterable[Row]) -> list[M]:
        # As unpickling does: the constructor, with its signals and defaults, takes most of the time of a page of rows.
        names, instances = self._names, []
        for row in rows:
            instance = self._model.__new__(self._model)
            instance.__dict__ = dict(zip(names, row, strict=True))
            instance._state = state = ModelState()
            state.adding, state.db = False, DEFAULT_DB_ALIAS
            instances.append(instance)
        return instances


def _fitting(sizes: list[int]) -> int:
    """How many of the first rows make a page."""
    total = 0
    for number, size in enumerate(sizes):
        total += size
        if total > MAX_PAGE_BYTES and number:
            return number
    return len(sizes)

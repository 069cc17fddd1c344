"""Model instances from SQL that is written once: for a read of a few rows the ORM takes longer to write its SQL than
the database takes to answer it, and these reads are what the service does all day."""

from typing import Any, Generic, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import JSONField, Model
from django.db.models.base import ModelState

M = TypeVar("M", bound=Model)


class Rows(Generic[M]):
    """All columns of ``model``."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        fields = model._meta.concrete_fields
        self._names = [field.attname for field in fields]
        self._json_names = [field.attname for field in fields if isinstance(field, JSONField)]
        columns = ", ".join(f"CAST({f.column} AS text)" if isinstance(f, JSONField) else str(f.column) for f in fields)
        self._select = f"SELECT {columns} FROM {model._meta.db_table} "  # noqa: S608

    def fetch(self, clauses: str, *parameters: Any) -> list[M]:
        """The rows that SQL ``clauses`` (WHERE and what follows it) with ``parameters`` choose. One query.

        What is JSON stays the text that the database sent: a list of rows goes out as it came.
        """
        with connection.cursor() as cursor:
            cursor.execute(self._select + clauses, parameters)
            return [self._instance(row) for row in cursor.fetchall()]

    def get(self, clauses: str, *parameters: Any) -> M:
        """The first row that ``fetch`` finds, its JSON read. Raises the model's DoesNotExist."""
        for instance in self.fetch(clauses, *parameters):
            for name in self._json_names:
                setattr(instance, name, orjson.loads(getattr(instance, name)))
            return instance
        raise self._model.DoesNotExist  # type: ignore[attr-defined]

    def _instance(self, row: tuple[Any, ...]) -> M:
        # As unpickling does: the constructor, with its signals and defaults, takes most of the time of a page of rows.
        instance = self._model.__new__(self._model)
        instance.__dict__.update(zip(self._names, row, strict=True))
        instance._state = ModelState()
        instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS
        return instance

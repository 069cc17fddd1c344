"""Upserts a batch of rows: inserts new rows, updates changed ones and leaves the others alone; or inserts all.

The rows go to a temporary table first, in PostgreSQL by COPY. Then one INSERT … ON CONFLICT follows.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from catalog import rules
from service import advisory_locks

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """The target of rows. ``key`` has the columns of the unique constraint.

    ``empty`` maps columns to the SQL literal for "not given": None becomes the literal in a new row, and both keep the
    value of an old row. ``given_or`` maps columns without such a literal to the one for a new row; only None keeps the
    value of an old row. ``objects`` are columns of JSON objects; a new one replaces the entries that it has and keeps
    the others. ``follows`` maps columns to another column; if that keeps its value, so do they. ``initial``
    maps columns that only a new row sets to SQL literals. ``newest`` is a column of seconds since 1970: an older row
    does not replace a newer one, unless the newer one is in the future.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    empty: dict[str, str] = field(default_factory=dict)
    given_or: dict[str, str] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    follows: dict[str, str] = field(default_factory=dict)
    initial: dict[str, str] = field(default_factory=dict)
    newest: str | None = None

    @property
    def upsert(self) -> str:
        """INSERT … ON CONFLICT from the staged rows, without a RETURNING clause."""
        literals = self.empty | self.given_or
        values = [f"COALESCE({c}, {literals[c]})" if c in literals else c for c in self.columns]
        others = [c for c in self.columns if c not in self.key]
        given = {c: f"COALESCE(NULLIF(excluded.{c}, {self.empty[c]}), {self.name}.{c})" for c in self.empty}
        same = " AND ".join(f"staged.{c} = excluded.{c}" for c in self.key)
        for c in self.given_or:  # the new row has the literal in place of None, which only the staged row shows
            given[c] = f"COALESCE((SELECT staged.{c} FROM staged WHERE {same}), {self.name}.{c})"  # noqa: S608
        for c, other in self.follows.items():
            given[c] = f"CASE WHEN excluded.{other} = {self.empty[other]} THEN {self.name}.{c} ELSE excluded.{c} END"
        on_postgresql = connection.vendor == "postgresql"
        for c in self.objects:
            before, now = f"{self.name}.{c}", f"excluded.{c}"
            # SQLite keeps text. Its json_patch drops blanks, so that an equal object would not look equal.
            patched = f"json_patch({before}, {now})"
            merged = f"CASE json({before}) WHEN {patched} THEN {before} ELSE {patched} END"
            given[c] = f"{before} || {now}" if on_postgresql else merged
        new = [given.get(c, f"excluded.{c}") for c in others]
        old = [f"{self.name}.{c}" for c in others]
        distinct = "IS DISTINCT FROM" if on_postgresql else "IS NOT"
        new_time, old_time = f"excluded.{self.newest}", f"{self.name}.{self.newest}"
        newer = f"({new_time} >= {old_time} OR {old_time} > {rules.latest_time()}) AND" if self.newest else ""
        return f"""
            INSERT INTO {self.name} ({", ".join([*self.columns, *self.initial])})
            SELECT {", ".join([*values, *self.initial.values()])} FROM staged WHERE true
            ON CONFLICT ({", ".join(self.key)}) DO UPDATE
            SET {", ".join(f"{c} = {value}" for c, value in zip(others, new, strict=True))}
            WHERE {newer} ({", ".join(old)}) {distinct} ({", ".join(new)})
        """  # noqa: S608  only names from the code, no values


def encode(rows: Iterable[Row]) -> str | list[Row]:
    """``rows`` in the form for ``upsert``. A separate step, which can run while the database is busy."""
    return "".join(map(_copy_line, rows)) if connection.vendor == "postgresql" else list(rows)


def upsert(table: Table, encoded: str | list[Row]) -> tuple[int, int]:
    """Upsert rows with unique keys in one transaction. Return the numbers of created and updated rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        if isinstance(encoded, str):
            return _on_postgresql(cursor, table, encoded)
        return _on_sqlite(cursor, table, encoded)


def insert(table: Table, encoded: str | list[Row]) -> None:
    """Insert rows that are new, in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        _fill(cursor, table.name, table.columns, encoded)


def _fill(cursor: CursorWrapper, name: str, columns: tuple[str, ...], encoded: str | list[Row]) -> None:
    names = ", ".join(columns)
    if isinstance(encoded, str):
        with connection.wrap_database_errors:  # Django wraps only its own cursor methods
            cursor.copy_expert(f"COPY {name} ({names}) FROM STDIN", io.BytesIO(encoded.encode()), 1 << 20)
    else:
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {name} ({names}) VALUES ({marks})", encoded)  # noqa: S608


def _on_postgresql(cursor: CursorWrapper, table: Table, lines: str) -> tuple[int, int]:
    names = ", ".join(table.columns)
    # One import writes at a time: two could deadlock on each other's rows.
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [advisory_locks.IMPORT])
    cursor.execute("DROP TABLE IF EXISTS staged")
    cursor.execute(f"CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT {names} FROM {table.name} LIMIT 0")  # noqa: S608
    _fill(cursor, "staged", table.columns, lines)
    _index(cursor, table)
    # xmax is 0 for inserted rows and set for updated ones.
    cursor.execute(f"""
        WITH done AS ({table.upsert} RETURNING xmax = 0 AS created)
        SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created) FROM done
    """)  # noqa: S608
    created, updated = cursor.fetchone()
    return created, updated


def _on_sqlite(cursor: CursorWrapper, table: Table, rows: list[Row]) -> tuple[int, int]:
    names = ", ".join(table.columns)
    cursor.execute("DROP TABLE IF EXISTS temp.staged")
    cursor.execute(f"CREATE TEMP TABLE staged AS SELECT {names} FROM {table.name} LIMIT 0")  # noqa: S608
    _fill(cursor, "staged", table.columns, rows)
    _index(cursor, table)
    same = " AND ".join(f"{table.name}.{c} = staged.{c}" for c in table.key)
    cursor.execute(f"SELECT count(*) FROM staged WHERE NOT EXISTS (SELECT 1 FROM {table.name} WHERE {same})")  # noqa: S608
    (created,) = cursor.fetchone()
    cursor.execute(table.upsert)
    return created, cursor.rowcount - created


def _index(cursor: CursorWrapper, table: Table) -> None:
    if table.given_or:
        cursor.execute(f"CREATE UNIQUE INDEX staged_key ON staged ({', '.join(table.key)})")


def _copy_line(row: Iterable[Any]) -> str:
    """One line of COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html"""
    return "\t".join(["\\N" if v is None else _escaped(v) if isinstance(v, str) else str(v) for v in row]) + "\n"


def _escaped(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text

"""Writes the standby's SQLite file: products, published reviews, and what serves recommendations.

All rows are of one snapshot of the default database, read row by row. The file takes the place of the one before as a
whole, and its modification time is that of the snapshot. It has no users, sessions, tokens or campaigns.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.models import DateTimeField, JSONField, Model

from catalog.models import PUBLISHED, Product, Review
from catalog.withdrawals import OLDEST
from recommendations.models import Build, MerchandisingRule, Neighbours, Popular
from resilience import standby

# Deferred: on SQLite the default is a write transaction, which would make writers wait.
_BEGIN = {
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL cursor_tuple_fraction = 1",
    "sqlite": "BEGIN DEFERRED",
}
# Of libpq: a host that is gone ends the refresh within a minute, not after the two hours that systems allow.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "ignore_check_constraints = ON")
_ACTIVE = "WHERE build_id IN (SELECT id FROM recommendations_build WHERE is_active)"
# Of a product with more than so many reviews, those with a text are newer than this one, or have more helpful votes.
_CUT = f"""(
    SELECT {{0}} FROM catalog_review AS own WHERE own.asin = catalog_product.asin AND own.{PUBLISHED}
    ORDER BY {{0}} DESC LIMIT 1 OFFSET %s
)"""  # noqa: S608 an index finds it
_REVIEWS = f"""LEFT JOIN (
    SELECT asin AS reviewed, {_CUT.format("unix_review_time")} AS since, {_CUT.format("helpful_votes")} AS votes
    FROM catalog_product WHERE review_count > %s
) AS cut ON reviewed = asin WHERE {PUBLISHED}"""  # noqa: S608
_TEXT = "CASE WHEN unix_review_time <= since AND helpful_votes <= votes THEN '' ELSE {} END"


class RefreshRunning(Exception):
    """Another refresh is running."""


class Written(NamedTuple):
    """Rows of the file, its size in bytes, and the seconds that it took."""

    products: int
    reviews: int
    size: int
    seconds: float


def refresh(file: Path, *, reviews_per_product: int) -> Written:
    """Write a new file and put it in the place of ``file``, which serves until then and stays if this fails.

    Of each product, only the newest ``reviews_per_product`` reviews, and as many of the most helpful, have their texts
    and replies. The rest of the others counts, and makes up the histories of reviewers. Raises RefreshRunning, OSError
    and django.db.Error.
    """
    started = time.time()
    os.environ["SQLITE_TMPDIR"] = str(file.parent)  # sorting an index takes as much room again, which /tmp may not have
    with _exclusive(file):
        new = file.with_name(f"{file.name}.new")
        new.unlink(missing_ok=True)  # of a refresh that was killed
        new.touch(mode=0o600)  # names of reviewers are personal data
        try:
            taken_at, products, reviews = _fill(new, reviews_per_product)
            with new.open("rb+") as written:
                os.utime(new, (taken_at, taken_at))
                os.fsync(written.fileno())
            size = new.stat().st_size
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    return Written(products, reviews, size, time.time() - started)


@contextmanager
def _exclusive(file: Path) -> Iterator[None]:
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefreshRunning from None
        yield


def _fill(new: Path, reviews_per_product: int) -> tuple[float, int, int]:
    """Return the time of the snapshot, and the numbers of products and reviews."""
    source, target = connections["default"].copy(), connections["standby"].copy("default")
    target.settings_dict |= {"NAME": str(new), "OPTIONS": {}}
    if source.vendor == "postgresql":
        source.settings_dict["OPTIONS"] = _KEEPALIVE | source.settings_dict["OPTIONS"]
    with closing(source), closing(target), source.wrap_database_errors, target.wrap_database_errors:
        target.ensure_connection()
        raw: sqlite3.Connection = target.connection
        for pragma in _PRAGMAS:
            raw.execute(f"PRAGMA {pragma}")
        _make_schema(target)
        # Counters are copied, and indexes take a fraction of the time if they are made last.
        schema = raw.execute("SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'catalog_review' AND sql > ''")
        later = [row for row in schema.fetchall() if row[0] != "table"]
        for kind, name, _ in later:
            raw.execute(f"DROP {kind} {name}")
        raw.execute("BEGIN")
        with source.cursor() as cursor:
            taken_at = time.time()
            cursor.execute(_BEGIN[source.vendor])
            cursor.execute(OLDEST[source.vendor])
            (oldest,) = cursor.fetchone()
        # From here on processes read what was withdrawn since.
        raw.execute(
            "INSERT INTO catalog_withdrawal (xid, asin, is_listed, in_stock) VALUES (?, '', 1, 1)", [oldest - 1]
        )
        products = _copy(source, raw, Product)
        texts = {name: _TEXT.format(name) for name in ("review_text", "reply")}
        reviews = _copy(source, raw, Review, _REVIEWS, *[reviews_per_product] * 3, instead=texts)
        _copy(source, raw, Build, "WHERE is_active")
        _copy(source, raw, Neighbours, _ACTIVE)
        _copy(source, raw, Popular, _ACTIVE)
        _copy(source, raw, MerchandisingRule)
        for kind, _, sql in later:
            if kind == "index":
                raw.execute(sql)
        raw.execute("COMMIT")
        raw.execute("PRAGMA analysis_limit = 1000")
        raw.execute("ANALYZE")
    return taken_at, products, reviews


def _make_schema(target: BaseDatabaseWrapper) -> None:
    """Make the tables, and the triggers that index products for searches."""
    with standby.in_place(target):
        executor = MigrationExecutor(target)
        nodes = executor.loader.graph.leaf_nodes
        executor.migrate([*nodes("catalog"), *nodes("recommendations")])


def _copy(
    source: BaseDatabaseWrapper,
    target: sqlite3.Connection,
    model: type[Model],
    clauses: str = "",
    *parameters: Any,
    instead: dict[str, str] | None = None,
) -> int:
    """Copy the rows of a table that ``clauses`` select, and return their number."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    columns = [str(field.column) for field in fields]
    values = []
    for field, column in zip(fields, columns, strict=True):
        value = (instead or {}).get(column, column)
        if isinstance(field, DateTimeField) and source.vendor == "postgresql":
            value = f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        elif isinstance(field, DateTimeField | JSONField):
            value = f"CAST({column} AS text)"
        values.append(value)
    table, places = model._meta.db_table, ", ".join("?" * len(columns))
    with source.chunked_cursor() as rows:  # the server keeps them
        rows.execute(f"SELECT {', '.join(values)} FROM {table} {clauses}", parameters)  # noqa: S608
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
        return target.executemany(insert, rows).rowcount

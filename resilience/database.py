"""The database as a dependency: which errors count, and connections that are fit to use."""

import select
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, OperationalError, connection, transaction

from resilience import deadlines, postgres
from resilience.breaker import Breaker, Outcome
from resilience.deadlines import DeadlineExceeded
from resilience.errors import Answered

P = ParamSpec("P")
T = TypeVar("T")

# PostgreSQL's SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
# connection exception, insufficient resources, system error
_FAILURE_CLASSES = ("08", "53", "58")
# admin, crash or database shutdown, "cannot connect now", two idle timeouts; statement timeout; a table or column that
# is not there (yet), or may not be used
_FAILURE_CODES = ("57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "57014", "42P01", "42703", "42501")
# serialization failure and deadlock; lock not available; read-only and disk full, with which reading goes on; internal
# error and corrupted data, which other rows may not share
_NEUTRAL_PREFIXES = ("40", "55P03", "25006", "53100", "XX")

# https://www.sqlite.org/rescode.html
_SQLITE_FAILURES = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PROTOCOL,
}
_SQLITE_NEUTRAL = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY}

ERRORS = (Error, DeadlineExceeded)
CHECK_TIMEOUT = 0.25  # seconds for one SELECT 1 on a connection of its own, the connecting included
_was_in_doubt: ContextVar[bool] = ContextVar("was_in_doubt", default=False)


def classify(error: BaseException) -> Outcome:
    """An answer of the database is a success, the refusal of an input included; so no client can open the breaker."""
    if isinstance(error, DeadlineExceeded):
        return Outcome.FAILURE
    if not isinstance(error, Error):
        return Outcome.SUCCESS if isinstance(error, Answered | ObjectDoesNotExist) else Outcome.NEUTRAL
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return _classify_sqlite(cause)
    sqlstate: str | None = getattr(cause, "pgcode", None)
    if sqlstate is None:
        # Without a SQLSTATE nothing came back from the server: no connection, or none any more.
        lost = isinstance(error, OperationalError) or type(error).__name__ == "InterfaceError"
        return Outcome.FAILURE if lost else Outcome.SUCCESS
    if sqlstate.startswith(_NEUTRAL_PREFIXES):
        return Outcome.NEUTRAL
    is_failure = sqlstate.startswith(_FAILURE_CLASSES) or sqlstate in _FAILURE_CODES
    return Outcome.FAILURE if is_failure else Outcome.SUCCESS


def _classify_sqlite(cause: sqlite3.Error) -> Outcome:
    primary = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the upper bits are the extended code
    if primary in _SQLITE_FAILURES or str(cause).startswith(("no such table", "no such column")):
        return Outcome.FAILURE
    return Outcome.NEUTRAL if primary in _SQLITE_NEUTRAL else Outcome.SUCCESS


def check() -> bool:
    """Whether this process reaches the database now: one SELECT 1 on a fresh connection within CHECK_TIMEOUT."""
    fresh = connection.copy()
    try:
        with deadlines.within(CHECK_TIMEOUT), fresh.cursor() as cursor:
            cursor.execute("SELECT 1")
    except ERRORS:
        return False
    finally:
        fresh.close()
    return True


class InDoubt(OperationalError):
    """The connection was lost while the transaction was committed: whether it was, nobody knows."""


@contextmanager
def atomic() -> Iterator[None]:
    """``transaction.atomic`` that raises InDoubt."""
    is_over = False
    try:
        with transaction.atomic():
            yield
            is_over = True
    except Error as error:
        if is_over and _is_lost(error):
            raise InDoubt(*error.args) from error.__cause__
        raise


class DatabaseBreaker(Breaker):
    """A breaker that also looks after this thread's connection, before a call and after a failed one.

    A call whose open connection is cut in the middle is made once more, on a new one: somebody may have ended that one
    connection only. It can ask ``was_in_doubt`` whether it may find its own work done. What has no deadline, a whole
    page, is not made again.
    """

    def call_without_deadline(self, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.state != "closed":
            self.call(_probe)  # a trial is short, and everybody else waits for its outcome
        return super().call_without_deadline(func, *args, **kwargs)

    def _call(self, deadline: float | None, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        again = deadline is not None
        return super()._call(deadline, lambda: _on_usable_connection(again, func, *args, **kwargs))


def _on_usable_connection(again: bool, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    if connection.in_atomic_block:
        return func(*args, **kwargs)
    if _closed_by_server():
        connection.close()
    try:
        return func(*args, **kwargs)
    except ERRORS as error:
        if classify(error) is Outcome.FAILURE:
            was_open = connection.connection is not None
            connection.close()  # a broken connection must not serve the next call
            if again and was_open and _was_cut(error):
                return _once_more(error, func, *args, **kwargs)
        raise


def _once_more(first: Exception, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    token = _was_in_doubt.set(isinstance(first, InDoubt))
    try:
        return func(*args, **kwargs)
    except ERRORS as error:
        if isinstance(first, InDoubt) and classify(error) is not Outcome.SUCCESS:
            raise first from first.__cause__  # the doubt remains
        raise
    finally:
        _was_in_doubt.reset(token)


def was_in_doubt() -> bool:
    """Whether this call is made for the second time, and the first may have been carried out."""
    return _was_in_doubt.get()


def _probe() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _is_lost(error: Exception) -> bool:
    """Whether the connection was. psycopg2 has the SQLSTATE of its end only where it does not poll."""
    code = getattr(error.__cause__, "pgcode", None)
    return (
        connection.vendor == "postgresql" and isinstance(error, OperationalError) and code in (None, "57P01", "57P05")
    )


def _was_cut(error: Exception) -> bool:
    """Whether the other side ended the connection."""
    return _is_lost(error) and not isinstance(error.__cause__, postgres.QueryDeadlineExceeded)


def _closed_by_server() -> bool:
    """Whether an idle PostgreSQL connection was ended by the other side, seen without a round trip.

    An idle server sends nothing but its farewell, so a readable socket means that the connection is over: after a
    restart or ``pg_terminate_backend`` no healthy call is lost to a dead connection.
    """
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    if connection.connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))

"""The database as a dependency: what its errors mean, and calls that are repeated on a new connection."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

import psycopg2
from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from resilience import causes, deadlines, postgres, scope
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.conf import conf
from resilience.errors import ExpectedError

P = ParamSpec("P")
T = TypeVar("T")

# PostgreSQL's SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
# insufficient resources, system error: perhaps a limit or a file of one statement only
_SUSPECT_CLASSES = ("53", "58")
# crash shutdown, "cannot connect now", dropped database
_FAILURE_CODES = ("57P02", "57P03", "57P04")
# connection exception (poolers use it for a lost server); ended by an administrator or an idle timeout
_LOST_PREFIXES = ("08", "57P01", "57P05", "25P03")
_CANCELLED = "57014"  # statement timeout
# Failures of one statement: serialization failure and deadlock; lock not available; read-only and disk full, which do
# not stop reads; too many connections, of which others work; internal error and corrupted data, perhaps in few rows; a
# table or column missing or not permitted.
_NEUTRAL_PREFIXES = ("40", "55P03", postgres.READ_ONLY, "53100", "53300", "XX", "42P01", "42703", "42501")

# https://www.sqlite.org/rescode.html
_SQLITE_FAILURES = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PROTOCOL,
}
_SQLITE_NEUTRAL = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,  # the deadline has passed
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
}

ERRORS = (Error, deadlines.DeadlineExceeded)
MAX_ATTEMPTS = 3  # of one call: a failover may cut all connections twice in a row


def classify(error: BaseException) -> Outcome:
    """Say what an exception means. A refused input is a SUCCESS, so no client can open the circuit."""
    if isinstance(error, deadlines.DeadlineExceeded):
        return Outcome.SUSPECT
    if not isinstance(error, Error):
        return Outcome.SUCCESS if isinstance(error, ExpectedError | ObjectDoesNotExist) else Outcome.NEUTRAL
    cause = error.__cause__
    if cause is None and isinstance(error, InDoubt):
        return Outcome.NEUTRAL  # confirm reached the database
    if isinstance(cause, sqlite3.Error):
        return _classify_sqlite(cause)
    sqlstate: str | None = getattr(cause, "pgcode", None)
    if sqlstate is None:
        # No SQLSTATE: the connection failed or was lost. Of a refused one there is only the text.
        if cause and causes.cause_of(cause) == causes.TOO_MANY_CONNECTIONS:
            return Outcome.NEUTRAL
        if isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError):
            return Outcome.SUSPECT
        lost = isinstance(error, OperationalError) or type(error).__name__ == "InterfaceError"
        return Outcome.FAILURE if lost else Outcome.SUCCESS
    if sqlstate.startswith(_NEUTRAL_PREFIXES):
        return Outcome.NEUTRAL
    if sqlstate.startswith((*_LOST_PREFIXES, *_SUSPECT_CLASSES, _CANCELLED)):
        return Outcome.SUSPECT
    return Outcome.FAILURE if sqlstate in _FAILURE_CODES else Outcome.SUCCESS


def _classify_sqlite(cause: sqlite3.Error) -> Outcome:
    primary = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the upper bits hold the extended code
    if primary in _SQLITE_FAILURES:
        return Outcome.FAILURE
    is_missing = str(cause).startswith(("no such table", "no such column"))
    return Outcome.NEUTRAL if is_missing or primary in _SQLITE_NEUTRAL else Outcome.SUCCESS


class InDoubt(OperationalError):
    """The connection was lost during the commit, so nobody knows whether the transaction was committed.

    ``confirm`` raises it too, without a cause, if it cannot tell.
    """


@contextmanager
def atomic(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Like ``transaction.atomic``; raises InDoubt if the connection is lost during the commit."""
    is_over = False
    try:
        with transaction.atomic(using):
            yield
            is_over = True
    except Error as error:
        if is_over and _is_lost(error):
            raise InDoubt(*error.args) from error.__cause__
        raise


class DatabaseBreaker(Breaker):
    """Protects the database ``alias``. If the connection is cut, the call is made again on a new one.

    Only a transaction whose commit is in doubt is not repeated: see ``call_confirmed``.
    """

    call_share = 1 - postgres.CHECK_SHARE

    def __init__(self, name: str, alias: str = DEFAULT_DB_ALIAS, **options: Any) -> None:
        super().__init__(name, classify=classify, errors=ERRORS, check=self.is_reachable, **options)
        self.alias = alias

    def describe(self) -> dict[str, Any]:
        described = super().describe()
        if self.alias == conf.STANDBY_DATABASE:
            connection = connections[self.alias]
            age = connection.known_age()  # type: ignore[attr-defined]
            kind = "file" if connection.vendor == "sqlite" else "replica"
            described["standby"] = {"kind": kind, "age": None if age is None else round(age, 1)}
        return described

    def call(self, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._call(MAX_ATTEMPTS, None, func, *args, **kwargs)

    def call_once(self, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like ``call``, and never repeat it."""
        return self._call(1, None, func, *args, **kwargs)

    def call_confirmed(self, confirm: Callable[..., T], func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like ``call``. After a commit in doubt, call ``confirm`` with the same arguments in place of ``func``.

        It returns the result, which the lost attempt may have left, or raises InDoubt.
        """
        return self._call(MAX_ATTEMPTS, confirm, func, *args, **kwargs)

    def _call(
        self,
        attempts: int,
        confirm: Callable[..., T] | None,
        func: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        connection = connections[self.alias]
        # The outer call, or the whole transaction, is what can be repeated.
        if scope.is_inside(self.name) or connection.in_atomic_block:
            return super().call(func, *args, **kwargs)
        again = None if confirm is None else partial(confirm, *args, **kwargs)
        return super().call(_attempt, connection, attempts, partial(func, *args, **kwargs), again)

    def probe_call(self) -> None:
        """Query on a fresh connection, which the caller's own call then uses."""
        connection = connections[self.alias]
        if not connection.in_atomic_block:
            connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def is_reachable(self) -> bool:
        """Whether this process reaches the database now: one SELECT 1 on a fresh connection, within an eighth of
        DB_DEADLINE. A server that refuses because it has no free connection counts as reached."""
        fresh = connections[self.alias].copy()
        try:
            with scope.inside(self.name), deadlines.within(postgres.check_timeout()), fresh.cursor() as cursor:
                cursor.execute("SELECT 1")
        except ERRORS as error:
            return classify(error) is Outcome.NEUTRAL
        finally:
            fresh.close()
        return True


def _attempt(
    connection: BaseDatabaseWrapper, attempts: int, func: Callable[[], T], confirm: Callable[[], T] | None
) -> T:
    """Call ``func`` up to ``attempts`` times while its connection is cut; after a commit in doubt call ``confirm``."""
    doubt: InDoubt | None = None
    for attempt in range(1, attempts + 1):
        was_connected, opened_at = connection.connection is not None, _opened_at(connection)
        try:
            return confirm() if doubt and confirm else func()
        except ERRORS as error:
            outcome = classify(error)
            if outcome in (Outcome.FAILURE, Outcome.SUSPECT) and not _is_slow_statement(error):
                connection.close()  # a broken connection must not serve the next call
            # If no connection could be made, a second attempt would fail alike.
            had_connection = was_connected or _opened_at(connection) != opened_at
            is_cut = _was_cut(error) or (attempt == 1 and _is_read_only(error))
            is_repeatable = confirm is not None or not isinstance(error, InDoubt)
            if attempt < attempts and had_connection and is_cut and is_repeatable:
                doubt = error if isinstance(error, InDoubt) else doubt
            elif doubt and outcome is not Outcome.SUCCESS and not isinstance(error, InDoubt):
                raise doubt from doubt.__cause__  # confirm did not get an answer
            else:
                raise
    raise AssertionError("the last attempt returns or raises")


def _opened_at(connection: BaseDatabaseWrapper) -> float:
    """Return when the connection was opened. SQLite's connections do not tell, and cannot be cut."""
    return getattr(connection, "opened_at", 0.0)


def _sqlstate(error: Exception) -> str | None:
    return getattr(error.__cause__, "pgcode", None)


def _is_slow_statement(error: Exception) -> bool:
    """Whether the server cancelled the statement, on a connection that still works."""
    return _sqlstate(error) == _CANCELLED


def _is_read_only(error: Exception) -> bool:
    """Whether the server is read-only. Nothing was written, and a new connection may lead to the new primary."""
    return _sqlstate(error) == postgres.READ_ONLY


def _is_lost(error: Exception) -> bool:
    """Whether the connection was lost. psycopg2 reports the SQLSTATE of that only if it does not poll."""
    if not isinstance(error.__cause__, psycopg2.OperationalError | psycopg2.InterfaceError):
        return False
    sqlstate = _sqlstate(error)
    return sqlstate is None or sqlstate.startswith(_LOST_PREFIXES)


def _was_cut(error: Exception) -> bool:
    """Whether the other side ended the connection."""
    return _is_lost(error) and not isinstance(error.__cause__, postgres.QueryDeadlineExceeded)

"""Deadlines for PostgreSQL.

A stopped server holds an open connection for ever, whatever its timeouts say. psycopg2's wait callback is the one place
that can end a wait. It is for serving only: with a wait callback psycopg2 refuses COPY.
"""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions

from resilience import deadlines
from resilience.conf import conf

# Shares of DB_DEADLINE. The server gives up a lock first, then a statement; the client gives up the connection last. So
# a slow statement costs no connection while the server works.
LOCK_SHARE = 0.4
STATEMENT_SHARE = 0.75
CHECK_SHARE = 0.125  # for the SELECT 1 that checks the database or a connection

READ_ONLY = "25006"  # SQLSTATE of a write on a read-only server


class QueryDeadlineExceeded(psycopg2.OperationalError):
    """The database did not answer in time. Django turns it into its own OperationalError."""


class Unreadable(psycopg2.OperationalError):
    """The server refused a connection in its own language and encoding."""


def install() -> None:
    """Bound each wait of this process for PostgreSQL by the deadline of the call, else by DB_DEADLINE."""
    extensions.set_wait_callback(_wait)


def is_installed() -> bool:
    """Whether waits are bounded, as in a serving process."""
    return extensions.get_wait_callback() is _wait


def check_timeout() -> float:
    """Return the timeout of a check, in seconds."""
    return float(conf.DB_DEADLINE * CHECK_SHARE)


def statement_limits() -> dict[str, int]:
    """Return PostgreSQL's timeouts, in milliseconds, so that the server gives up before the client does."""
    milliseconds = conf.DB_DEADLINE * 1000
    return {
        "statement_timeout": int(milliseconds * STATEMENT_SHARE),
        "lock_timeout": int(milliseconds * LOCK_SHARE),
    }


class LimitedCursor(extensions.cursor):
    """Sets the statement limits per transaction, as a transaction pooler demands.

    They are sent with the first statement of the transaction, so they cost no round trip.
    """

    def execute(self, query: Any, vars: Any = None) -> None:
        if self.connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE:
            limits = "".join(f"SET LOCAL {name} = {value}; " for name, value in statement_limits().items())
            text = query.as_string(self) if hasattr(query, "as_string") else query
            query = limits.encode() + text if isinstance(text, bytes) else limits + text
        super().execute(query, vars)


def _wait(connection: Any) -> None:
    """psycopg2's wait callback. It may raise and must not close the connection. Takes about 3 µs a query."""
    try:
        until = time.monotonic() + (deadlines.remaining(conf.DB_DEADLINE) or 0.0)
    except deadlines.DeadlineExceeded as error:
        raise QueryDeadlineExceeded("the deadline passed before the query") from error
    poll = select.poll()
    while (state := _poll(connection)) != extensions.POLL_OK:
        poll.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise QueryDeadlineExceeded("the database did not answer before the deadline")


def _poll(connection: Any) -> int:
    try:
        return connection.poll()  # type: ignore[no-any-return]
    except UnicodeDecodeError as error:
        raise Unreadable("the server's text is not UTF-8") from error

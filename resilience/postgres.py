"""Deadlines for PostgreSQL. A stopped server holds an open connection for ever, whatever its time-outs say; psycopg2's
wait callback is the one place from which a wait can be ended.

It is for serving only: with a wait callback installed psycopg2 refuses COPY, which the importers need.
"""

import select
import time
from typing import Any

import psycopg2
from django.conf import settings
from django.db.backends.signals import connection_created
from psycopg2 import extensions

from resilience import deadlines

LOCK_SHARE = 0.4  # of DB_DEADLINE, for which a lock is waited for


class QueryDeadlineExceeded(psycopg2.OperationalError):
    """The database did not answer in time. Django turns it into its own OperationalError."""


def install() -> None:
    """Bound each wait of this process for PostgreSQL: by the deadline of the call at hand, else by DB_DEADLINE."""
    extensions.set_wait_callback(_wait)
    connection_created.connect(_limit_statements, dispatch_uid="limit_statements")


def _wait(connection: Any) -> None:
    """psycopg2's wait callback; may raise, must not close. About 3 µs a query."""
    try:
        until = time.monotonic() + (deadlines.remaining(settings.DB_DEADLINE) or 0.0)
    except deadlines.DeadlineExceeded as error:
        raise QueryDeadlineExceeded("the deadline passed before the query") from error
    poll = select.poll()
    while (state := connection.poll()) != extensions.POLL_OK:
        poll.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise QueryDeadlineExceeded("the database did not answer before the deadline")


def _limit_statements(sender: object, connection: Any, **kwargs: object) -> None:
    # The server gives up a statement that nobody waits for any more, so that slow ones do not pile up there. It gives
    # up a lock before, in a trial too: that somebody holds a row, an import maybe, does not make the database slow.
    if connection.vendor == "postgresql":
        statement, lock = int(settings.DB_DEADLINE * 1000), int(settings.DB_DEADLINE * 1000 * LOCK_SHARE)
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = %s; SET lock_timeout = %s", [statement, lock])

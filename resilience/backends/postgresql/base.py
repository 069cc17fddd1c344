"""Django's PostgreSQL backend with connections that are fit to use.

Django checks and replaces connections in request signals, which a background thread never sends. Here a connection
looks after itself whenever it is used outside a transaction, so requests, sessions, admin pages, background threads
and probes get the same care without asking for it.
"""

import select
import time
from typing import Any

import psycopg2
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property

from resilience import deadlines, postgres
from resilience.backends.postgresql import hosts
from resilience.backends.protection import ProtectedWrapper
from resilience.conf import conf

# A connection that was idle for so many seconds is checked before it is trusted: a NAT or a load balancer may have
# dropped it without a word. A busy one is not: its last answer is the check.
IDLE = 0.5
READ_ONLY_INTERVAL = 1.0  # seconds between two read-only answers that make all connections suspect


class _Suspicion:
    """Connections of this process that were opened before ``since`` are replaced before they are used again."""

    def __init__(self) -> None:
        self.since = 0.0

    def raise_now(self) -> None:
        self.since = time.monotonic()


suspicion = _Suspicion()


class _CaredFor(base.DatabaseWrapper):
    """Django's wrapper, which checks its connection before each use and replaces one that cannot be trusted."""

    opened_at = 0.0
    _used_at = 0.0
    _is_spent = False

    def ensure_connection(self) -> None:
        """Connect, or replace a connection that cannot be trusted; inside a transaction it is left alone."""
        # Without autocommit a transaction may be open, or a check would open one.
        if self.connection is not None and self.autocommit and not self.in_atomic_block:
            if not self._is_fit():
                self.close()
            self._used_at = time.monotonic()
        super().ensure_connection()

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if postgres.is_installed() and conf.DB_POOLER == "off":
            limits = " ".join(f"-c {name}={value}" for name, value in postgres.statement_limits().items())
            params["options"] = f"{params.get('options', '')} {limits}".strip()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Try each host and address in turn, each for its share of the time that is left."""
        if postgres.is_installed():
            connection = hosts.connect(super().get_new_connection, conn_params, conf.DB_DEADLINE)
            if conf.DB_POOLER == "transaction":
                connection.cursor_factory = postgres.LimitedCursor
        else:  # libpq does so itself
            connection = super().get_new_connection(conn_params)
        self.opened_at = self._used_at = time.monotonic()
        self._is_spent = False
        return connection

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        return _ErrorWrapper(self)

    def close_if_unusable_or_obsolete(self) -> None:
        """Close a connection that must not be used again. Django calls this between requests, outside any breaker, so
        it neither connects nor asks the server."""
        if self.connection is None or self.in_atomic_block:
            return
        is_too_old = self.close_at is not None and time.monotonic() >= self.close_at
        if is_too_old or self._is_spent or self.autocommit != self.settings_dict["AUTOCOMMIT"]:
            self.close()

    def note(self, error: psycopg2.Error) -> None:
        """Draw conclusions from an error of this connection."""
        if isinstance(error, postgres.QueryDeadlineExceeded):
            self._is_spent = True
            suspicion.raise_now()
        elif error.pgcode == postgres.READ_ONLY:
            # The primary may have moved. The others of this process lead to the old one as well.
            self._is_spent = True
            if time.monotonic() > suspicion.since + READ_ONLY_INTERVAL:
                suspicion.raise_now()

    def _is_fit(self) -> bool:
        if self._is_spent or self.opened_at <= suspicion.since or self._was_ended():
            return False
        now = time.monotonic()
        if now < self._used_at + IDLE or not postgres.is_installed():
            return True
        return (self.close_at is None or now < self.close_at) and self._answers()

    def _was_ended(self) -> bool:
        """Whether the other side ended this connection, without a round trip.

        An idle server sends nothing but its farewell: a readable socket means that the connection is over.
        """
        if self.connection.closed:
            return True
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _answers(self) -> bool:
        try:
            with deadlines.within(postgres.check_timeout()), self.connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as error:
            self.note(error)
            return False
        return True


class DatabaseWrapper(ProtectedWrapper, _CaredFor):
    """The backend's connection: protected and cared for."""


class _ErrorWrapper(DatabaseErrorWrapper):
    """Lets the connection see each error before Django wraps it."""

    wrapper: _CaredFor

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, psycopg2.Error):
            self.wrapper.note(exc_value)
        super().__exit__(exc_type, exc_value, traceback)

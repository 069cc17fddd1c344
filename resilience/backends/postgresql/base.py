"""Django's PostgreSQL backend with connections that check themselves.

Django checks and replaces connections in request signals, which a background thread never sends. Here each use of a
connection outside of a transaction checks it, in requests, background threads and probes alike.
"""

import math
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

# Seconds after which an idle connection is checked before use: a NAT or a load balancer may have dropped it silently.
# For a busy connection, its last answer is the check.
IDLE = 0.5
AGE_INTERVAL = 1.0  # seconds for which a measured age serves
# While a replica is connected to its primary, what it has replayed may be all that there was, however long ago. One
# that has started since tells the time of a checkpoint, after which it may have replayed more. A primary is current.
_AGE = """
    SELECT CASE WHEN NOT pg_is_in_recovery() OR (
        pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver)
    ) THEN 0 ELSE extract(epoch FROM now() - coalesce(
        pg_last_xact_replay_timestamp(), (SELECT checkpoint_time FROM pg_control_checkpoint())
    )) END
"""
READ_ONLY_INTERVAL = 1.0  # seconds between two read-only answers that make all connections suspect


class _Suspicion:
    """Connections that this process opened before ``since`` are replaced before their next use."""

    def __init__(self) -> None:
        self.since = 0.0

    def raise_now(self) -> None:
        self.since = time.monotonic()


suspicion = _Suspicion()


class _CheckedWrapper(base.DatabaseWrapper):
    """Checks its connection before each use, and replaces one that cannot be trusted."""

    opened_at = 0.0
    _used_at = 0.0
    _is_spent = False

    def ensure_connection(self) -> None:
        """Connect, or replace a connection that cannot be trusted. Does nothing inside a transaction."""
        # Without autocommit a transaction may be open, and a check would open one.
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
        """Try each host and address in turn, each for its share of the time left."""
        if postgres.is_installed():
            connection = hosts.connect(super().get_new_connection, conn_params, conf.DB_DEADLINE)
            if conf.DB_POOLER == "transaction":
                connection.cursor_factory = postgres.LimitedCursor
        else:  # libpq tries them itself
            try:
                connection = super().get_new_connection(conn_params)
            except UnicodeDecodeError as error:
                raise postgres.Unreadable("the server's text is not UTF-8") from error
        self.opened_at = self._used_at = time.monotonic()
        self._is_spent = False
        return connection

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        return _ErrorWrapper(self)

    def note(self, error: psycopg2.Error) -> None:
        """Learn from an error whether this connection, or all older ones, must be replaced."""
        if isinstance(error, postgres.QueryDeadlineExceeded):
            self._is_spent = True
            suspicion.raise_now()
        elif error.pgcode == postgres.READ_ONLY:
            # The primary may have moved. The other connections of this process lead to the old one too.
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
        """Whether the server ended this connection; takes no round trip.

        An idle server sends only its last message, so a readable socket means that the connection is over.
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


class DatabaseWrapper(ProtectedWrapper, _CheckedWrapper):
    """The backend's connection, protected and checked."""

    _measured: dict[str, tuple[float, float | None]] = {}  # by alias: when, on the monotonic clock, and the age then

    def age(self) -> float | None:
        """Return by how many seconds this replica may lie behind its primary. At most one query in AGE_INTERVAL."""
        at, _ = self._measured.get(self.alias, (-math.inf, None))
        if time.monotonic() > at + AGE_INTERVAL:
            at = time.monotonic()
            with self.cursor() as cursor:
                cursor.execute(_AGE)
                (age,) = cursor.fetchone()
            self._measured[self.alias] = at, None if age is None else max(0.0, float(age))
        return self.known_age()

    def known_age(self) -> float | None:
        at, age = self._measured.get(self.alias, (0.0, None))
        return None if age is None else age + time.monotonic() - at


class _ErrorWrapper(DatabaseErrorWrapper):
    """Shows the connection each error before Django wraps it."""

    wrapper: _CheckedWrapper

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, psycopg2.Error):
            self.wrapper.note(exc_value)
        super().__exit__(exc_type, exc_value, traceback)

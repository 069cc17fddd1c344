"""Protects the queries of code that knows nothing of breakers.

``resilience.fallback`` declares whole calls with their fallbacks. Sessions, users, the admin, templates and libraries
declare nothing: each of their connects, statements and commits is a protected call of its own.
"""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from resilience import breakers
from resilience.database import DatabaseBreaker
from resilience.errors import DependencyUnavailable
from resilience.scope import is_inside

_is_on = False


def turn_on() -> None:
    """Protect the queries of this process from now on. Commands and migrations take the time that they need."""
    global _is_on
    _is_on = True


class ProtectedWrapper(BaseDatabaseWrapper):
    """A connection that raises DependencyUnavailable if the database cannot be used."""

    _is_spent = False  # whether the backend found it unusable

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._execute)

    def age(self) -> float | None:
        """Return the seconds since the data of this database were true, None if unknown; for a standby."""
        raise NotImplementedError

    def known_age(self) -> float | None:
        """As ``age``, from what this process knows: it asks no server."""
        return self.age()

    def _guard(self) -> DatabaseBreaker | None:
        """Return this database's breaker; None if the process does not serve, or inside a call through the breaker."""
        name = breakers.guard_of(self.alias) if _is_on else None
        return None if name is None or is_inside(name) else breakers.database_breaker(self.alias)

    def close_if_unusable_or_obsolete(self) -> None:
        """Close a connection that must not be used again.

        Django calls this between requests, outside of any breaker, so it does not contact the database.
        """
        if self.connection is None or self.in_atomic_block:
            return
        is_too_old = self.close_at is not None and time.monotonic() >= self.close_at
        if is_too_old or self._is_spent or self.autocommit != self.settings_dict["AUTOCOMMIT"]:
            self.close()

    def ensure_connection(self) -> None:
        """Connect if the circuit allows it. A transaction has connected already."""
        guard = self._guard()
        if guard and not self.in_atomic_block:
            guard.call(super().ensure_connection)
        else:
            super().ensure_connection()

    def _execute(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        guard = self._guard()
        if guard is None:
            return execute(sql, params, many, context)
        cursor = context["cursor"]

        def on_current_connection() -> Any:
            if not self.in_atomic_block:
                self.ensure_connection()
                if cursor.cursor.connection is not self.connection:
                    cursor.cursor = self.create_cursor()
            return execute(sql, params, many, context)

        call = guard.call if str(sql).startswith("SELECT") else guard.call_once  # only reads can be repeated
        try:
            return call(on_current_connection)
        except DependencyUnavailable:
            if self.connection is None:  # Django closes the cursor again, which SQLite refuses
                cursor.cursor = SimpleNamespace(close=lambda: None)
            raise

    def _commit(self) -> None:
        guard = self._guard()
        if guard is None:
            super()._commit()  # type: ignore[misc]
            return
        try:
            guard.call_once(super()._commit)  # type: ignore[misc]
        except DependencyUnavailable:
            self.close()  # Django does so after its own errors
            raise

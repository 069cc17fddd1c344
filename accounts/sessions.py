"""Sessions in the database."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError

from resilience import breakers


class SessionStore(db.SessionStore):
    """Django's database sessions, saved again if the connection was cut."""

    def _validate_session_key(self, key: str) -> bool:
        # A quoted cookie may hold a NUL, which PostgreSQL's text rejects. Do not query for such a key.
        return bool(super()._validate_session_key(key)) and key.isascii() and key.isalnum()  # type: ignore[misc]

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()  # which saves with a new key; only that can be repeated
            return
        breakers.database_breaker().call(self._save, must_create=must_create)

    def _save(self, must_create: bool) -> None:
        try:
            super().save(must_create=must_create)
        except UpdateError as error:
            # Django takes every failed update for a deleted session. Raise a driver's error as it is.
            cause = error.__context__
            if isinstance(cause, DatabaseError) and cause.__cause__ is not None:
                raise cause from cause.__cause__
            raise

"""Django's SQLite backend, which creates no file while it serves: SQLite takes a missing file for an empty database."""

from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base

from resilience import postgres
from resilience.backends.protection import ProtectedWrapper


class DatabaseWrapper(ProtectedWrapper, base.DatabaseWrapper):
    """Opens an existing file only, in a serving process."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if postgres.is_installed():
            params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params

"""Django's SQLite backend that makes no database while it serves: SQLite takes a missing file for an empty one."""

from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base

from resilience import postgres
from resilience.backends.protection import ProtectedWrapper


class DatabaseWrapper(ProtectedWrapper, base.DatabaseWrapper):
    """Django's wrapper, which opens an existing file only."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if postgres.is_installed():
            params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params

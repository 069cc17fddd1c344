"""Django's SQLite backend, in which only ``migrate`` creates the file: SQLite takes a missing one for an empty one."""

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base, features

from resilience.backends.protection import ProtectedWrapper


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's features, without the one that system checks look up in the database before ``migrate`` creates it."""

    supports_json_field = True  # as in any build of SQLite that Python comes with


class DatabaseWrapper(ProtectedWrapper, base.DatabaseWrapper):
    """Django's wrapper, which opens existing files only."""

    features_class = DatabaseFeatures

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if not self.is_in_memory_db():
            params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except sqlite3.OperationalError as error:
            if not Path(self.settings_dict["NAME"]).exists():
                error.args = (f"there is no file {self.settings_dict['NAME']}; the command migrate creates it",)
            raise

    def prepare_database(self) -> None:
        """Create the file. Django calls this first in ``migrate``, which also creates the databases of tests."""
        super().prepare_database()
        if not self.is_in_memory_db():
            Path(self.settings_dict["NAME"]).touch()

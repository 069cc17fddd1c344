"""Django's SQLite backend, in which only ``migrate`` creates the file: SQLite takes a missing one for an empty one."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base, features

from resilience import deadlines
from resilience.backends.protection import ProtectedWrapper
from resilience.conf import conf

INSTRUCTIONS = 10_000  # of SQLite's machine between two looks at the deadline: a fraction of a millisecond


def _is_late() -> bool:
    """Whether the deadline of the call has passed: then SQLite ends the statement."""
    try:
        deadlines.remaining()
    except deadlines.DeadlineExceeded:
        return True
    return False


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's features, without the one that system checks look up in the database before ``migrate`` creates it."""

    supports_json_field = True  # as in any build of SQLite that Python comes with


class DatabaseWrapper(ProtectedWrapper, base.DatabaseWrapper):
    """Django's wrapper, which opens existing files only."""

    features_class = DatabaseFeatures
    _inode: int | None = None  # of the file that is open

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if not self.is_in_memory_db():
            params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params

    def age(self) -> float | None:
        """Return the seconds since the file was written, None without a file.

        A connection to a file that was replaced is closed, and so the new one is used.
        """
        file = self._file()
        if file is None or (self.connection is not None and file.st_ino != self._inode):
            self.close()
        return None if file is None else max(0.0, time.time() - file.st_mtime)

    def _file(self) -> os.stat_result | None:
        try:
            return Path(self.settings_dict["NAME"]).stat()
        except OSError:
            return None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        file = self._file()
        self._inode = file.st_ino if file else None
        try:
            connection = super().get_new_connection(conn_params)
            if self.alias == conf.STANDBY_DATABASE:
                connection.set_progress_handler(_is_late, INSTRUCTIONS)
            return connection
        except sqlite3.OperationalError as error:
            if not Path(self.settings_dict["NAME"]).exists():
                error.args = (f"there is no file {self.settings_dict['NAME']}; the command migrate creates it",)
            raise

    def prepare_database(self) -> None:
        """Create the file. Django calls this first in ``migrate``, which also creates the databases of tests."""
        super().prepare_database()
        if not self.is_in_memory_db():
            Path(self.settings_dict["NAME"]).touch()

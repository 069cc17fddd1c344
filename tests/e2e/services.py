"""Real processes to break: PostgreSQL, the two services under gunicorn, and an ad provider that misbehaves."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import requests

from tests import postgres_server

ROOT = Path(__file__).resolve().parents[2]
# Short, so that a test sees a breaker open, reject and recover in seconds.
RESET = 2
# Nothing of this process's own settings.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
ENVIRONMENT |= {"SECRET_KEY": "end-to-end-" * 4, "DB_RESET_TIMEOUT": str(RESET), "AD_RESET_TIMEOUT": "1"}


def free_port() -> int:
    """A free port outside the range of outgoing connections.

    Within that range a client of a killed server might take the server's port before it restarts.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(holds: Callable[[], Any], seconds: float = 15) -> Any:
    """Wait until ``holds()`` is true and return its result. Fail after the timeout."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(requests.ConnectionError):
            if found := holds():
                return found
        assert time.monotonic() < end, "it did not come to hold in time"
        time.sleep(0.05)


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Postgres:
    """A PostgreSQL on a port of its own that can be killed, stopped and started again.

    Its data is a copy of the folder ``template``, if there is one; or it is a replica of ``primary``.
    """

    def __init__(self, *, fsync: bool = False, template: Path | None = None, primary: "Postgres | None" = None) -> None:
        self.fsync = fsync
        self.data = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        postgres_server.prepare(self.data)
        if template:
            subprocess.run(["cp", "--archive", f"{template}/.", str(self.data)], check=True)
        elif primary:
            source = f"--host=127.0.0.1 --port={primary.port} --username=postgres --checkpoint=fast --no-sync".split()
            self._run("pg_basebackup", *source, "--write-recovery-conf", f"--pgdata={self.data}")
        else:
            self._run("initdb", "--username=postgres", "--auth=trust", "--no-sync", f"--pgdata={self.data}")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        # Not through a pipe: the server would keep it open, and the call would wait for that.
        with tempfile.TemporaryFile("w+") as output:
            command = [str(postgres_server.PROGRAMS / program), *words]
            done = subprocess.run(command, stdout=output, stderr=output, user=postgres_server.USER)
            output.seek(0)
            assert done.returncode == 0, output.read()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        options += "" if self.fsync else " -c fsync=off"
        self._run("pg_ctl", "-w", f"--pgdata={self.data}", f"--options={options}", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", f"--pgdata={self.data}", "--mode=fast", "stop")

    def restart(self) -> None:
        self._run("pg_ctl", "-w", f"--pgdata={self.data}", "--mode=fast", "restart")

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of a statement, if it returns any."""
        with contextlib.closing(psycopg2.connect(self.url, dbname=database)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def end_connections(self) -> None:
        """End all connections but that of this statement."""
        self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def _processes(self) -> list[psutil.Process]:
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        return [postmaster, *postmaster.children()]

    def signal(self, number: int) -> None:
        """Send a signal to the server and all of its processes."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        processes = self._processes()
        self.signal(signal.SIGKILL)
        # A server does not start while a process of the previous one holds its shared memory.
        eventually(lambda: all(map(_ended, processes)))
        # In a container without an init process a zombie's pid would look like a running server.
        (self.data / "postmaster.pid").unlink()

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        shutil.rmtree(self.data, ignore_errors=True)


def manage(*words: str, project: str = "recommender", **env: str) -> str:
    done = subprocess.run(
        [sys.executable, f"manage_{project}.py", *words],
        cwd=ROOT,
        env=ENVIRONMENT | env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def open_shop(database_url: str) -> None:
    """Migrate an empty database for both services, and seed a small demo shop."""
    manage("migrate", "--verbosity=0", DATABASE_URL=database_url)
    manage("migrate", "--verbosity=0", project="ad_provider", DATABASE_URL=database_url)
    manage("seed_demo", "--products=200", "--reviewers=100", DATABASE_URL=database_url)
    manage("build_recommendations", DATABASE_URL=database_url)


class Service:
    """One of the two services under gunicorn. As a context manager it stops at the end."""

    def __init__(self, site: str, port: int | None = None, /, **env: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            f"--bind=127.0.0.1:{self.port}",
            "--log-level=error",
            f"{site}.wsgi",
        ]
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by __exit__
        self.process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT | env, stderr=self.log)
        eventually(lambda: self.get("/livez").ok)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=10, **options)

    def signal(self, number: int) -> None:
        """Send a signal to the master and its workers."""
        master = psutil.Process(self.process.pid)
        for each in [*master.children(), master]:
            each.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def state(self, breaker: str) -> str:
        states: dict[str, str] = {each["name"]: each["state"] for each in self.get("/breakers").json()}
        return states[breaker]

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        ended = self.process.wait(15)
        self.log.seek(0)
        with self.log:
            tracebacks = [line for line in self.log if "Traceback" in line]
        assert ended == 0
        assert not tracebacks


@contextlib.contextmanager
def ad_server(behave: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run a server in place of an ad provider that answers with ``behave``. Yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with contextlib.suppress(OSError):
                behave(self)

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

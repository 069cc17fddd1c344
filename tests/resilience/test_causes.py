"""Real failures and their published causes."""

import contextlib
import errno
import socket
import socketserver
import sqlite3
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from django.db import Error, OperationalError, connection

from resilience import deadlines, http
from resilience.causes import SABOTAGE, UNKNOWN, cause_of
from resilience.database import InDoubt
from resilience.postgres import QueryDeadlineExceeded

on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="speaks of PostgreSQL; make test runs it there"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def cause(call: Callable[[], object]) -> str:
    with pytest.raises(Exception) as raised:  # noqa: PT011  any error has a cause
        call()
    return cause_of(raised.value, 0.5)


@contextlib.contextmanager
def server(behave: Callable[[socket.socket], None], end: bytes = b"{}") -> Iterator[int]:
    """The port of a server that reads a request up to its ``end`` and then calls ``behave``."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                request = self.request.recv(65536)
                while not request.endswith(end):
                    request += self.request.recv(65536)
                behave(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        yield listener.server_address[1]
        listener.shutdown()


def ask(url: str) -> http.Answer:
    with http.session(1) as session, deadlines.within(0.5):
        return http.post_json(session, url, {}, headers={}, max_bytes=1000)


def be_silent(client: socket.socket) -> None:
    while client.recv(65536):
        pass


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (reset, "connection lost"),
        (lambda client: None, "connection lost"),
        (lambda client: client.sendall(OK + b"Content-Length: 9\r\n\r\n["), "connection lost"),
        (be_silent, "no answer within 0.5 s"),
        (lambda client: client.sendall(b"220 mail.example ESMTP\r\n"), "not valid: the answer is not HTTP"),
        (lambda client: client.sendall(OK + b"\r\n" + b"x" * 2000), "not valid: the answer is too large"),
        (lambda client: client.sendall(b"HTTP/1.1 500 Oops\r\n\r\n"), "status 500"),
        (lambda client: client.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"), "status 302"),
    ],
)
def test_cause_of_a_bad_response(behave: Callable[[socket.socket], None], words: str) -> None:
    with server(behave) as port:
        assert cause(lambda: ask(f"http://127.0.0.1:{port}/")) == words


def test_cause_of_a_server_without_tls() -> None:
    with server(lambda client: client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), b"") as port:
        assert cause(lambda: ask(f"https://127.0.0.1:{port}/")) == "no secure connection"


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://127.0.0.1:1/", "connection refused"), ("http://nowhere.invalid/", "name not found")],
)
def test_cause_of_an_unreachable_server(url: str, words: str) -> None:
    # Without a name server a lookup may hang until the deadline.
    assert cause(lambda: ask(url)) in (words, *(["no answer within 0.5 s"] if "invalid" in url else []))


def test_cause_of_a_body_of_the_wrong_shape() -> None:
    def parse() -> None:
        try:
            int("x")
        except ValueError as error:
            raise http.BadAnswer("secret-host said x") from error

    assert cause(parse) == "not valid: the answer is not JSON"
    assert cause_of(http.BadAnswer("secret-host said x")) == "not valid: the answer has another shape"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('connection to server at "10.9.8.7", port 5432 failed: Connection refused', "connection refused"),
        ('could not translate host name "db.secret" to address: Name or service not known', "name not found"),
        ('connection to server at "h", port 1 failed: FATAL:  sorry, too many clients already', "too many connections"),
        (
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "too many connections",
        ),
        ('FATAL:  password authentication failed for user "shop"', "sign-in refused"),
        ('FATAL:  no pg_hba.conf entry for host "10.9.8.7", user "shop", no encryption', "sign-in refused"),
        ('FATAL:  database "shop" does not exist', "database missing"),
        ("FATAL:  the database system is starting up", "starting or shutting down"),
        ("FATAL:  the database system is in recovery mode", "starting or shutting down"),
        ("server closed the connection unexpectedly\n\tThis probably means the server", "connection lost"),
        ("SSL connection has been closed unexpectedly", "connection lost"),
        ("could not receive data from server: Connection reset by peer", "connection lost"),
        ("timeout expired", "no answer within 0.5 s"),
        ('connection to server at "h", port 1 failed: No route to host', "not reachable"),
        ("server does not support SSL, but SSL was required", "no secure connection"),
        ("session is read-only", "read-only"),
        (
            'connection to server at "a", port 1 failed: Connection refused\n'
            'connection to server at "b", port 1 failed: FATAL:  the database system is starting up',
            "starting or shutting down",
        ),
        ("something new", UNKNOWN),
    ],
)
def test_cause_of_a_refused_postgresql_connection(message: str, words: str) -> None:
    def connect() -> None:
        raise OperationalError(message) from psycopg2.OperationalError(message)

    assert cause(connect) == words


@pytest.mark.parametrize(
    ("url", "words"),
    [("host=127.0.0.1 port=1", "connection refused"), ("host=/nowhere", "connection refused")],
)
def test_cause_of_an_unreachable_postgresql(url: str, words: str) -> None:
    assert cause(lambda: psycopg2.connect(url)) == words


@on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sqlstate", "words"),
    [
        ("25006", "read-only"),
        ("40P01", "locked by somebody else"),
        ("42501", "permission denied"),
        ("53100", "disk full"),
        ("53300", "too many connections"),
        ("53400", "out of resources"),
        ("55P03", "locked by somebody else"),
        ("57014", "no answer within 0.5 s"),
        ("57P03", "starting or shutting down"),
        ("58030", "system error of the server"),
        ("XX001", "internal error of the server"),
        ("22012", UNKNOWN),
    ],
)
def test_cause_of_an_sqlstate(sqlstate: str, words: str) -> None:
    statement = f"DO $$ BEGIN RAISE 'secret' USING ERRCODE = '{sqlstate}'; END $$"
    assert cause(lambda: connection.cursor().execute(statement)) == words


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ["SELECT * FROM nothing_of_the_kind", "SELECT nothing_here FROM catalog_product"])
def test_cause_of_a_missing_table_or_column(statement: str) -> None:
    assert cause(lambda: connection.cursor().execute(statement)) == "table or column missing"


def test_cause_of_sqlite_errors(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)

    def run(name: str, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / name, timeout=0)) as made:
            made.execute(statement)

    assert cause(lambda: run("none/shop", "SELECT 1")) == "file cannot be opened"
    assert cause(lambda: run("text", "SELECT * FROM sqlite_master")) == "file is not a database"
    with contextlib.closing(sqlite3.connect(tmp_path / "shop")) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        assert cause(lambda: run("shop", "SELECT * FROM t")) == "locked by somebody else"
        other.rollback()
    with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/shop?mode=ro", uri=True)) as reader:
        assert cause(lambda: reader.execute("INSERT INTO t VALUES (1)")) == "read-only"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (deadlines.DeadlineExceeded(), "no answer within 2 s"),
        (QueryDeadlineExceeded("the database did not answer"), "no answer within 2 s"),
        (TimeoutError(errno.ETIMEDOUT, "secret"), "no answer within 2 s"),
        (OSError(errno.ENOSPC, "secret"), "disk full"),
        (OSError(errno.EHOSTUNREACH, "secret"), "not reachable"),
        (ssl.SSLCertVerificationError("secret"), "no secure connection"),
        (OperationalError(SABOTAGE), "sabotage"),
        (http.BadAnswer(SABOTAGE), "sabotage"),
        (InDoubt("secret"), UNKNOWN),
        (KeyError("secret"), UNKNOWN),
    ],
)
def test_cause_of_a_plain_error(error: BaseException, words: str) -> None:
    assert cause_of(error, 2.0) == words


def test_cause_without_a_deadline_has_no_seconds() -> None:
    assert cause_of(deadlines.DeadlineExceeded()) == "no answer in time"


def test_the_first_known_cause_in_the_chain_wins() -> None:
    nearest, context = OSError(errno.EHOSTUNREACH, "secret"), OSError(errno.ENOSPC, "secret")
    error = Error("a")
    error.__cause__, error.__context__ = nearest, context
    assert cause_of(error) == "not reachable"


def test_cyclic_chain_of_errors_ends() -> None:
    first, second = Error("a"), Error("b")
    first.__cause__, second.__cause__ = second, first
    assert cause_of(first) == UNKNOWN

"""Connections check themselves in requests and in background threads."""

import contextlib
import functools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.signals import connection_created
from psycopg2 import extensions

from catalog.models import Product
from resilience import breakers, postgres
from resilience.backends.postgresql import base, hosts
from resilience.breaker import Breaker
from tests.e2e.proxies import nat
from tests.resilience.backends import end_backend

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="speaks of PostgreSQL; make test runs it there"),
]


@pytest.fixture(autouse=True)
def serving() -> Iterator[None]:
    connection.close()
    postgres.install()
    yield
    connection.close()
    extensions.set_wait_callback(None)


@pytest.fixture
def breaker() -> Breaker:
    return breakers.database_breaker()


def ask(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def pid() -> int:
    return int(ask("SELECT pg_backend_pid()")[0])


def make_idle() -> None:
    """Make the connection look idle."""
    connection._used_at -= 2 * base.IDLE  # type: ignore[attr-defined]


def in_a_thread(work: Callable[[], Any]) -> Any:
    found = []

    def run() -> None:
        found.append(work())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return found[0]


def server_address() -> tuple[str, str]:
    """Return the folder of the test server's Unix socket, and its port."""
    parameters = connection.get_connection_params()
    return parameters["host"], str(parameters.get("port", 5432))


def connect_to_server(folder: str, port: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.connect(f"{folder}/.s.PGSQL.{port}")
    return made


def test_a_connection_is_kept() -> None:
    assert len({pid() for _ in range(5)}) == 1
    make_idle()
    assert len({pid() for _ in range(5)}) == 1


def test_terminated_connection_fails_no_query_in_any_thread() -> None:
    def work() -> tuple[int, int]:
        first = pid()
        end_backend(first)
        return first, pid()

    first, second = in_a_thread(work)
    assert first != second


def test_old_connection_is_replaced_in_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0.01)

    def work() -> tuple[int, int]:
        connection.settings_dict["CONN_MAX_AGE"] = 0.01
        first = pid()
        time.sleep(0.02)
        make_idle()
        return first, pid()

    first, second = in_a_thread(work)
    assert first != second


def test_a_transaction_keeps_its_connection() -> None:
    with transaction.atomic():
        first = pid()
        base.suspicion.raise_now()
        make_idle()
        assert pid() == first
    assert pid() != first


def test_long_transaction_ends_normally() -> None:
    def divide(by: int) -> None:
        with transaction.atomic():
            make_idle()
            ask(f"SELECT 1 / {by}")

    ask("SELECT 1")
    with pytest.raises(DatabaseError):
        divide(0)
    divide(1)
    assert ask("SELECT 1") == (1,)


def test_idle_connection_that_hangs_is_replaced_within_the_check_timeout(
    breaker: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nat(functools.partial(connect_to_server, *server_address())) as network:
        at_hosts(monkeypatch, ("127.0.0.1", str(network.port)))
        breaker.call(ask, "SELECT 1")
        network.drop()
        make_idle()
        assert breaker.call(ask, "SELECT 1") == (1,)
        assert breaker.state == "closed"
        connection.close()


def test_hang_replaces_all_older_connections(settings: Any) -> None:
    settings.DB_DEADLINE = 0.4
    asked, hung = threading.Event(), threading.Event()

    def work() -> tuple[int, int]:
        first = pid()
        asked.set()
        hung.wait(10)
        return first, pid()

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(in_a_thread, work)
        asked.wait(10)
        ask("SET statement_timeout = 0")
        with pytest.raises(OperationalError):
            ask("SELECT pg_sleep(2)")
        connection.close()
        hung.set()
        first, second = found.result()
    assert first != second


def test_write_on_a_read_only_server_is_repeated_on_a_new_connection(breaker: Breaker) -> None:
    # Like a connection to a primary that has become a replica.
    ask("SET default_transaction_read_only = on")
    assert breaker.call(Product.objects.create, asin="MOVED").asin == "MOVED"


def test_read_only_error_replaces_the_connections_of_all_threads() -> None:
    def work() -> Any:
        first = pid()
        ask("SET default_transaction_read_only = on")
        with pytest.raises(DatabaseError):
            Product.objects.create(asin="REFUSED")
        return first, pid()

    base.suspicion.since = 0.0
    mine = pid()
    first, second = in_a_thread(work)
    assert first != second
    assert pid() != mine


def test_a_probe_uses_a_fresh_connection(breaker: Breaker) -> None:
    first = breaker.call(pid)
    breaker.open_for(0)
    assert breaker.call(pid) != first
    assert breaker.state == "closed"


@contextlib.contextmanager
def mute_server() -> Iterator[int]:
    """The port of a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def at_hosts(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, str], **options: str) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", ",".join(host for host, _ in places))
    monkeypatch.setitem(connection.settings_dict, "PORT", ",".join(port for _, port in places))
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)


def test_second_host_is_tried_if_the_first_is_mute(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = server_address()
    with mute_server() as mute:
        at_hosts(monkeypatch, ("127.0.0.1", str(mute)), (host, port))
        assert breaker.call(ask, "SELECT 1") == (1,)
        connection.close()
        # The host of the last success comes first.
        started = time.monotonic()
        assert breaker.call(ask, "SELECT 1") == (1,)
        assert time.monotonic() - started < 0.5
    assert breaker.state == "closed"


def test_connect_timeout_bounds_each_host(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = server_address()
    with mute_server() as mute:
        at_hosts(monkeypatch, ("127.0.0.1", str(mute)), (host, port), connect_timeout="1")
        breaker.deadline = 60
        started = time.monotonic()
        assert breaker.call(ask, "SELECT 1") == (1,)
        assert time.monotonic() - started < 5


def test_read_only_host_is_skipped_if_a_writable_one_is_required(
    breaker: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = server_address()
    at_hosts(monkeypatch, ("no.such.host.invalid", port), (host, port), target_session_attrs="read-write")
    assert breaker.call(ask, "SHOW transaction_read_only") == ("off",)


def test_slow_lookup_leaves_time_for_the_next_host(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    real, over = socket.getaddrinfo, threading.Event()

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        return over.wait(10) if host == "hanging.example" else real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    folder, port = server_address()
    at_hosts(monkeypatch, ("hanging.example", port), (folder, port))
    try:
        assert breaker.call(ask, "SELECT 1") == (1,)
    finally:
        over.set()


def test_server_is_not_contacted_between_requests() -> None:
    (first,) = ask("SELECT pg_backend_pid()")
    end_backend(first)
    with count_connections() as made:
        request_started.send(sender=None)
        request_finished.send(sender=None)
    assert made == []
    assert pid() != first


def test_old_connection_is_closed_between_requests() -> None:
    ask("SELECT 1")
    connection.close_at = 0.0
    request_finished.send(sender=None)
    assert connection.connection is None


@contextlib.contextmanager
def count_connections() -> Iterator[list[object]]:
    made: list[object] = []

    def note(connection: object, **kwargs: object) -> None:
        made.append(connection)

    connection_created.connect(note)
    yield made
    connection_created.disconnect(note)


def test_unknown_host_is_a_database_error() -> None:
    with pytest.raises(Exception, match="could not translate host name"):
        hosts.connect(lambda params: None, {"host": "no.such.host.invalid", "port": "5432"}, 2.0)


def test_limits_last_for_one_transaction_behind_a_transaction_pooler(settings: Any) -> None:
    settings.DB_POOLER = "transaction"
    assert ask("SHOW statement_timeout") == ("1500ms",)
    with transaction.atomic():
        assert ask("SHOW lock_timeout") == ("800ms",)
        assert ask("SHOW statement_timeout") == ("1500ms",)
    with connection.connection.cursor() as bare:
        extensions.cursor.execute(bare, "SHOW statement_timeout")
        assert bare.fetchone() == ("0",)

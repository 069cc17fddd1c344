"""What the backend does to a connection before its use and between requests."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.signals import connection_created
from psycopg2 import extensions

from catalog.models import Product
from resilience import database, postgres
from resilience.backends.postgresql import base
from resilience.causes import cause_of
from resilience.circuit import Outcome
from tests.resilience.test_postgresql_backend import ask, make_idle, pid

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="speaks of PostgreSQL; make test runs it there"),
]


@pytest.fixture(autouse=True)
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connection.close()
    monkeypatch.setattr(base.suspicion, "since", 0.0)
    postgres.install()
    yield
    with contextlib.suppress(Exception):
        connection.set_autocommit(True)
    connection.close()
    extensions.set_wait_callback(None)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The results of the checks of connections."""
    real, answers = base.DatabaseWrapper._answers, []

    def note(self: base.DatabaseWrapper) -> bool:
        answers.append(real(self))
        return answers[-1]

    monkeypatch.setattr(base.DatabaseWrapper, "_answers", note)
    return answers


def hang() -> None:
    """Wait for an answer that does not come until the client gives up."""
    ask("SET statement_timeout = 0")
    with pytest.raises(OperationalError):
        ask("SELECT pg_sleep(5)")


def be_refused_to_write() -> None:
    ask("SET default_transaction_read_only = on")
    with pytest.raises(DatabaseError):
        Product.objects.create(asin="REFUSED")


@contextlib.contextmanager
def another_thread() -> Iterator[Callable[[], int]]:
    """A function that returns the backend pid of another thread's connection."""
    go_on, told, over = threading.Event(), threading.Event(), threading.Event()
    found: list[int] = []

    def work() -> None:
        while go_on.wait(20) and not over.is_set():
            go_on.clear()
            found.append(pid())
            told.set()
        connection.close()

    def tell() -> int:
        told.clear()
        go_on.set()
        assert told.wait(10)
        return found[-1]

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield tell
    finally:
        over.set()
        go_on.set()
        thread.join(20)


@contextlib.contextmanager
def count_connections() -> Iterator[list[object]]:
    made: list[object] = []

    def note(connection: object, **kwargs: object) -> None:
        made.append(connection)

    connection_created.connect(note)
    yield made
    connection_created.disconnect(note)


def between_requests() -> None:
    request_finished.send(sender=None)
    request_started.send(sender=None)


def test_new_transaction_keeps_its_connection() -> None:
    pid()
    with count_connections() as made, transaction.atomic():
        base.suspicion.raise_now()
        make_idle()
        Product.objects.create(asin="KEPT")
        assert made == []
    assert Product.objects.get().asin == "KEPT"


def test_idle_connection_is_checked_and_a_busy_one_is_not(checks: list[bool]) -> None:
    first = pid()
    pid()
    assert checks == []
    make_idle()
    assert {pid() for _ in range(5)} == {first}
    assert checks == [True]


def test_without_bounded_waits_a_connection_is_not_checked(checks: list[bool]) -> None:
    extensions.set_wait_callback(None)
    pid()
    make_idle()
    pid()
    assert checks == []


def test_only_serving_processes_set_the_statement_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection.settings_dict["OPTIONS"] | {"options": "-c work_mem=5MB"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    assert ask("SHOW work_mem") == ("5MB",)
    assert ask("SHOW statement_timeout") == ("1500ms",)
    connection.close()
    extensions.set_wait_callback(None)
    assert ask("SHOW work_mem") == ("5MB",)
    assert ask("SHOW statement_timeout") == ("0",)


def test_connection_closed_by_the_driver_fails_no_query() -> None:
    first = pid()
    assert connection.connection
    connection.connection.close()
    assert pid() != first


def test_connection_without_a_maximum_age_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    first = pid()
    make_idle()
    between_requests()
    assert pid() == first


def test_young_connection_is_kept_between_requests(checks: list[bool]) -> None:
    first = pid()
    connection.close_at = time.monotonic() + 60
    between_requests()
    make_idle()
    assert pid() == first
    assert checks == [True]


def test_a_connection_in_a_transaction_is_kept_between_requests() -> None:
    with transaction.atomic():
        first = pid()
        connection.close_at = 0.0
        between_requests()
        assert pid() == first


def test_hung_connection_is_closed_between_requests(settings: Any) -> None:
    settings.DB_DEADLINE = 0.3
    hang()
    between_requests()
    assert connection.connection is None
    assert len({pid() for _ in range(3)}) == 1  # the next connection is kept


def test_connection_without_autocommit_is_closed_between_requests() -> None:
    connection.set_autocommit(False)
    between_requests()
    assert connection.connection is None
    between_requests()


def test_second_read_only_error_within_the_interval_replaces_one_connection() -> None:
    with another_thread() as its_pid:
        base.suspicion.since = time.monotonic()
        mine, its = pid(), its_pid()
        be_refused_to_write()
        assert pid() != mine
        assert its_pid() == its


def test_read_only_error_replaces_all_connections() -> None:
    with another_thread() as its_pid:
        its = its_pid()
        base.suspicion.since = time.monotonic() - 2 * base.READ_ONLY_INTERVAL
        be_refused_to_write()
        assert its_pid() != its


def test_statement_error_keeps_the_connection() -> None:
    with another_thread() as its_pid:
        mine, its = pid(), its_pid()
        with pytest.raises(DatabaseError):
            ask("SELECT 1 / 0")
        assert (pid(), its_pid()) == (mine, its)


def test_failed_check_replaces_the_other_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    with another_thread() as its_pid:
        mine, its = pid(), its_pid()
        make_idle()
        with monkeypatch.context() as patch:
            patch.setattr(postgres, "check_timeout", lambda: 1e-6)
            assert pid() != mine
        assert its_pid() != its


@pytest.mark.parametrize("is_serving", [True, False])
def test_a_refusal_in_another_encoding_is_a_failure_to_connect(
    is_serving: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is starting up speaks its own language before it knows that of the client."""
    fields = "SFATAL\0VFATAL\0C57P03\0Mle système de base de données démarre\0\0".encode("latin-1")

    def refuse() -> None:
        client, _ = server.accept()
        with client:
            while client.recv(8)[4:] == b"\x04\xd2\x16\x2f":  # a request for TLS
                client.sendall(b"N")
            client.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)

    if not is_serving:
        extensions.set_wait_callback(None)
    connection.close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse)
        thread.start()
        for name, value in {"HOST": "127.0.0.1", "PORT": str(server.getsockname()[1]), "OPTIONS": {}}.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        with pytest.raises(OperationalError) as failed:
            connection.ensure_connection()
        thread.join()
    assert database.classify(failed.value) is Outcome.SUSPECT
    assert cause_of(failed.value) == "refused, in a text that is not UTF-8"

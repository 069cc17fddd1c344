"""The database breaker in different outages, and PostgreSQL's deadlines."""

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from psycopg2 import extensions

from catalog.models import Product
from resilience import breakers, database, deadlines, postgres
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.database import DatabaseBreaker
from resilience.errors import CallFailed, CallRejected
from tests.resilience.backends import end_backend

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="speaks of PostgreSQL; make test runs it there"
)
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="speaks of SQLite; make test runs it there")


@pytest.fixture
def breaker() -> DatabaseBreaker:
    return breakers.database_breaker()


@pytest.fixture
def serving() -> Iterator[None]:
    """PostgreSQL as the services use it, with the wait callback."""
    connection.close()
    postgres.install()
    yield
    extensions.set_wait_callback(None)
    connection.close()


def run(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def test_a_call_after_the_outage_gets_a_new_connection(
    breaker: Breaker, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    Product.objects.create(asin="P1")
    lose_database()
    with pytest.raises(CallFailed) as failed:
        breaker.call(Product.objects.count)
    assert isinstance(failed.value.__cause__, OperationalError)
    with pytest.raises(CallRejected):
        breaker.call(Product.objects.count)
    monkeypatch.undo()
    breaker._open_until = 0
    assert breaker.call(Product.objects.count) == 1
    assert breaker.state == "closed"


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("INSERT INTO catalog_product (id) VALUES (NULL, 1)", Outcome.SUCCESS),
        ("SELECT no_such_function()", Outcome.SUCCESS),
        ("SELECT no_such_column FROM catalog_product", Outcome.NEUTRAL),
        ("UPDATE catalog_product SET asin = NULL", Outcome.SUCCESS),
        ("UPDATE catalog_product SET price = -1", Outcome.SUCCESS),
        ("SELECT 1 FROM no_such_table", Outcome.NEUTRAL),
    ],
)
def test_outcome_of_real_errors(statement: str, outcome: Outcome) -> None:
    Product.objects.create(asin="P1")
    with pytest.raises(DatabaseError) as raised:
        run(statement)
    assert database.classify(raised.value) is outcome


@on_postgresql
def test_statement_that_exceeds_a_limit_does_not_count(breaker: Breaker) -> None:
    breaker.call(run, "SET temp_file_limit = 0; SET work_mem = '64kB'; SELECT 1")
    with pytest.raises(CallFailed) as failed:
        breaker.call(run, "SELECT count(*) FROM generate_series(1, 100000)")
    assert getattr(failed.value.__cause__.__cause__, "pgcode", None) == "53400"  # type: ignore[union-attr]
    assert breaker.state == "closed"


def answer(sqlstate: str) -> psycopg2.Error:
    class Answer(psycopg2.Error):
        pgcode = sqlstate

    return Answer()


SQLSTATES = {
    Outcome.FAILURE: {"57P02", "57P03", "57P04"},
    Outcome.SUSPECT: {
        "08000",
        "08001",
        "08006",
        "08P01",
        "53200",
        "53400",
        "57P01",
        "57P05",
        "58030",
        "25P03",
        "57014",
    },
    Outcome.NEUTRAL: {
        "40001",
        "40P01",
        "55P03",
        "25006",
        "53100",
        "53300",
        "XX000",
        "XX001",
        "XX002",
        "42P01",
        "42703",
        "42501",
    },
    Outcome.SUCCESS: {
        "22001",
        "22003",
        "22P02",
        "22P05",
        "23502",
        "23503",
        "23505",
        "23514",
        "42601",
        "0A000",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "sqlstate"), [(each, code) for each in SQLSTATES for code in sorted(SQLSTATES[each])]
)
def test_sqlstate_decides(outcome: Outcome, sqlstate: str) -> None:
    for kind in (DatabaseError, OperationalError, InterfaceError):
        error = kind()
        error.__cause__ = answer(sqlstate)
        assert database.classify(error) is outcome


def test_error_without_an_sqlstate_is_suspect() -> None:
    for kind in (OperationalError, InterfaceError):
        error = kind("connection already closed")
        error.__cause__ = psycopg2.OperationalError()
        assert database.classify(error) is Outcome.SUSPECT
    assert database.classify(deadlines.DeadlineExceeded()) is Outcome.SUSPECT
    assert database.classify(OperationalError("of no driver")) is Outcome.FAILURE


def test_in_doubt_from_confirm_does_not_count(breaker: DatabaseBreaker, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        run("SELECT 1")
        raise database.InDoubt from psycopg2.OperationalError("the COMMIT was not answered")

    def confirm() -> None:
        run("SELECT 1")
        raise database.InDoubt

    monkeypatch.setattr(breaker, "check", lambda: pytest.fail("the database was reached: nothing to check"))
    breaker.call(run, "SELECT 1")
    with pytest.raises(CallFailed) as failed:
        breaker.call_confirmed(confirm, write)
    assert isinstance(failed.value.__cause__, database.InDoubt)
    assert breaker.describe()["failures"] == 0


def test_a_database_that_is_locked_by_another_writer_is_neutral(breaker: Breaker) -> None:
    def write() -> None:
        with transaction.atomic():
            Product.objects.update(title="mine")

    Product.objects.create(asin="P1")
    sqlite = connection.vendor == "sqlite"
    connection.cursor().execute("PRAGMA busy_timeout = 50" if sqlite else "SET lock_timeout = 50")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE" if sqlite else "BEGIN")
        cursor.execute("UPDATE catalog_product SET title = 'theirs'")
        with pytest.raises(CallFailed):
            breaker.call(write)
        cursor.execute("ROLLBACK")
    other.close()
    assert breaker.state == "closed"
    breaker.call(write)
    connection.close()


@on_sqlite
def test_file_that_is_not_a_database_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.sqlite3").write_text("not a database " * 100)
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "shop.sqlite3"))
    # Django does not close a connection that it could not set up, and Python 3.13 warns about that.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        with pytest.raises(DatabaseError) as raised:
            run("SELECT 1 FROM catalog_product")
        assert database.classify(raised.value) is Outcome.FAILURE
        connection.close()
        del raised
        gc.collect()


@on_postgresql
def test_serialization_failure_is_neutral(breaker: Breaker) -> None:
    Product.objects.create(asin="P1")
    other = connection.copy()

    def write() -> None:
        with transaction.atomic():
            run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM catalog_product")
            with other.cursor() as cursor:
                cursor.execute("UPDATE catalog_product SET title = 'theirs'")
            Product.objects.update(title="mine")

    with pytest.raises(CallFailed) as failed:
        breaker.call(write)
    other.close()
    assert getattr(failed.value.__cause__.__cause__, "pgcode", None) == "40001"  # type: ignore[union-attr]
    assert breaker.state == "closed"


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_query_is_repeated_if_its_backend_is_terminated(breaker: Breaker) -> None:
    pids = []

    def query() -> Any:
        pids.append(run("SELECT pg_backend_pid()")[0])
        if len(pids) < database.MAX_ATTEMPTS:
            threading.Timer(0.1, end_backend, [pids[-1]]).start()
            run("SELECT pg_sleep(1)")
        return run("SELECT 1")

    assert breaker.call(query) == (1,)
    assert len(set(pids)) == database.MAX_ATTEMPTS
    assert breaker.state == "closed"


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_repeated_cuts_do_not_count_while_the_database_answers(breaker: Breaker) -> None:
    def query() -> None:
        (pid,) = run("SELECT pg_backend_pid()")
        threading.Timer(0.05, end_backend, [pid]).start()
        run("SELECT pg_sleep(1)")

    with pytest.raises(CallFailed):
        breaker.call(query)
    assert breaker.state == "closed"
    assert breaker.call(run, "SELECT 1") == (1,)


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_terminated_idle_connection_fails_no_call(breaker: Breaker) -> None:
    (pid,) = run("SELECT pg_backend_pid()")
    end_backend(pid)
    assert breaker.call(run, "SELECT 1") == (1,)
    assert breaker.state == "closed"


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_a_healthy_connection_is_kept(breaker: Breaker) -> None:
    pids = {breaker.call(run, "SELECT pg_backend_pid()") for _ in range(5)}
    assert len(pids) == 1


@on_postgresql
@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("inside", [False, True])
def test_slow_query_ends_at_the_deadline_and_does_not_count(
    breaker: Breaker, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def query() -> None:
        if inside:
            with transaction.atomic():
                run("SELECT pg_sleep(5)")
        else:
            run("SELECT pg_sleep(5)")

    breaker.call(run, "SELECT 1")
    monkeypatch.setattr(breaker, "deadline", 0.3)
    started = time.monotonic()
    with pytest.raises(CallFailed):
        breaker.call(query)
    assert time.monotonic() - started < 5 * 0.3
    assert breaker.state == "closed"
    assert breaker.call(run, "SELECT 1") == (1,)


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_server_cancels_a_slow_statement_and_the_connection_is_kept(
    breaker: Breaker, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DB_DEADLINE = breaker.deadline = 2.0  # the check has an eighth of it
    connection.close()
    (pid,) = breaker.call(run, "SELECT pg_backend_pid()")
    with pytest.raises(CallFailed) as failed:
        breaker.call(run, "SELECT pg_sleep(5)")
    assert getattr(failed.value.__cause__.__cause__, "pgcode", None) == "57014"  # type: ignore[union-attr]
    assert breaker.state == "closed"
    assert breaker.call(run, "SELECT pg_backend_pid()") == (pid,)
    assert [record.message for record in caplog.records] == ["call failed on its own"]


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_queries_of_one_call_share_its_deadline(breaker: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    def queries() -> None:
        for _ in range(20):
            run("SELECT pg_sleep(0.1)")

    breaker.call(run, "SELECT 1")
    monkeypatch.setattr(breaker, "deadline", 0.3)
    started = time.monotonic()
    with pytest.raises(CallFailed):
        breaker.call(queries)
    assert time.monotonic() - started < 5 * 0.3


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_query_outside_of_a_breaker_is_bounded(settings: Any) -> None:
    settings.DB_DEADLINE = 0.3
    started = time.monotonic()
    with pytest.raises(OperationalError):
        run("SELECT pg_sleep(5)")
    assert time.monotonic() - started < 5 * 0.3


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_server_cancels_an_abandoned_statement() -> None:
    assert run("SHOW statement_timeout") == ("1500ms",)
    assert run("SHOW lock_timeout") == ("800ms",)


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_mute_server_is_a_failure(breaker: Breaker, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DB_DEADLINE = breaker.deadline = 0.3
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = {"HOST": "127.0.0.1", "PORT": str(listener.getsockname()[1]), "OPTIONS": {}}
        for name, value in nowhere.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        started = time.monotonic()
        with pytest.raises(CallFailed):
            breaker.call(run, "SELECT 1")
        assert time.monotonic() - started < 5 * 0.3
    assert breaker.state == "open"

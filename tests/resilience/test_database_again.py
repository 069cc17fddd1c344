"""Calls that are repeated on a new connection, and commits in doubt."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from psycopg2 import extensions

from catalog.models import Product, Review
from resilience import breakers, database, deadlines, postgres
from resilience.database import DatabaseBreaker
from resilience.errors import CallFailed
from tests.e2e.services import eventually
from tests.resilience.backends import end_backend

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="speaks of PostgreSQL; make test runs it there"
)


@pytest.fixture
def breaker() -> DatabaseBreaker:
    return breakers.database_breaker()


@pytest.fixture(params=["waiting", "polling"])
def serving(request: pytest.FixtureRequest) -> Iterator[None]:
    """With and without the wait callback: psycopg2 reports a lost connection in different ways."""
    connection.close()
    if request.param == "polling":
        postgres.install()
    yield
    extensions.set_wait_callback(None)
    connection.close()


def run(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def pid() -> int:
    return int(run("SELECT pg_backend_pid()")[0])


def cut() -> None:
    """Terminate this thread's connection from the server's side."""
    end_backend(pid())


class Attempts:
    """Runs ``steps`` one after another, one for each call, and the last one again and again."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = steps
        self.count = 0

    def __call__(self) -> object:
        self.count += 1
        return self.steps[min(self.count, len(self.steps)) - 1]()


def lose_the_commit() -> None:
    with database.atomic():
        Product.objects.update(title="lost")
        cut()


def lose_the_connection() -> None:
    run("SELECT pg_terminate_backend(pg_backend_pid())")


def answer() -> str:
    return "answer"


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_connection_lost_during_the_commit_raises_in_doubt() -> None:
    with pytest.raises(database.InDoubt):
        lose_the_commit()


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_connection_lost_before_the_commit_is_not_in_doubt() -> None:
    with pytest.raises(DatabaseError) as raised, database.atomic():
        lose_the_connection()
    assert not isinstance(raised.value, database.InDoubt)


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_refused_commit_is_not_in_doubt() -> None:
    run("CREATE TEMPORARY TABLE once (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(IntegrityError), database.atomic():
        run("INSERT INTO once VALUES (1), (1)")


def test_commit_refused_for_a_missing_row_is_not_in_doubt() -> None:
    with pytest.raises(IntegrityError), database.atomic():
        Review.objects.create(product_id="MISSING", reviewer_id="R", overall=5, unix_review_time=1)


def test_a_transaction_is_all_or_nothing() -> None:
    def write_half() -> None:
        with database.atomic():
            Product.objects.create(asin="HALF")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        write_half()
    assert not Product.objects.exists()


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_commit_in_doubt_is_confirmed_instead_of_repeated(breaker: DatabaseBreaker) -> None:
    attempts, confirm = Attempts(lose_the_commit), Attempts(lose_the_connection, answer)
    assert breaker.call_confirmed(confirm, attempts) == "answer"
    assert (attempts.count, confirm.count) == (1, 2)


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_call_cut_before_the_commit_is_repeated_without_confirm(breaker: DatabaseBreaker) -> None:
    attempts, confirm = Attempts(lose_the_connection, answer), Attempts(answer)
    assert breaker.call_confirmed(confirm, attempts) == "answer"
    assert (attempts.count, confirm.count) == (2, 0)


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_commit_in_doubt_without_confirm_is_not_repeated(breaker: DatabaseBreaker) -> None:
    attempts = Attempts(lose_the_commit)
    with pytest.raises(CallFailed) as failed:
        breaker.call(attempts)
    assert isinstance(failed.value.__cause__, database.InDoubt)
    assert attempts.count == 1


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_failed_confirm_leaves_the_commit_in_doubt(breaker: DatabaseBreaker) -> None:
    confirm = Attempts(lambda: run("SELECT * FROM no_such_table"))
    with pytest.raises(CallFailed) as failed:
        breaker.call_confirmed(confirm, Attempts(lose_the_commit))
    assert isinstance(failed.value.__cause__, database.InDoubt)
    assert confirm.count == 1


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_refusal_by_confirm_reaches_the_caller(breaker: DatabaseBreaker) -> None:
    Product.objects.create(asin="TAKEN")
    with pytest.raises(IntegrityError):
        breaker.call_confirmed(lambda: Product.objects.create(asin="TAKEN"), Attempts(lose_the_commit))


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_call_that_is_always_cut_has_max_attempts(breaker: DatabaseBreaker) -> None:
    attempts = Attempts(lose_the_connection)
    with pytest.raises(CallFailed):
        breaker.call(attempts)
    assert attempts.count == database.MAX_ATTEMPTS


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_call_on_a_connection_of_its_own_is_repeated(breaker: DatabaseBreaker) -> None:
    connection.close()
    assert breaker.call(Attempts(lose_the_connection, answer)) == "answer"


def test_call_is_not_repeated_if_no_connection_can_be_made(
    breaker: DatabaseBreaker, lose_database: Callable[[], None]
) -> None:
    lose_database()
    attempts = Attempts(lambda: run("SELECT 1"))
    with pytest.raises(CallFailed):
        breaker.call(attempts)
    assert attempts.count == 1


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_call_once_is_not_repeated(breaker: DatabaseBreaker) -> None:
    attempts = Attempts(lose_the_connection)
    with pytest.raises(CallFailed):
        breaker.call_once(attempts)
    assert attempts.count == 1


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_call_inside_a_transaction_is_not_repeated(breaker: DatabaseBreaker) -> None:
    attempts = Attempts(lose_the_connection)
    with pytest.raises(CallFailed), transaction.atomic():
        breaker.call(attempts)
    assert attempts.count == 1


@on_postgresql
@pytest.mark.usefixtures("serving")
def test_write_on_a_read_only_server_is_repeated_once(breaker: DatabaseBreaker) -> None:
    def write() -> None:
        run("SET default_transaction_read_only = on")
        Product.objects.create(asin="REFUSED")

    attempts = Attempts(write)
    with pytest.raises(CallFailed):
        breaker.call(attempts)
    assert attempts.count == 2
    assert breaker.state == "closed"


def test_deadline_of_a_call_leaves_time_for_a_check(breaker: DatabaseBreaker) -> None:
    left = breaker.call(deadlines.remaining)
    assert left
    assert breaker.deadline
    assert breaker.deadline / 2 < left <= breaker.deadline - postgres.check_timeout()


def test_exceeded_deadline_raises_call_failed(breaker: DatabaseBreaker) -> None:
    def find_no_time_left() -> None:
        with deadlines.within(0):
            deadlines.remaining()

    attempts = Attempts(find_no_time_left)
    with pytest.raises(CallFailed):
        breaker.call(attempts)
    assert attempts.count == 1
    assert breaker.state == "closed"  # the check succeeds


@on_postgresql
def test_slow_query_is_not_repeated(breaker: DatabaseBreaker, settings: Any) -> None:
    postgres.install()
    try:
        run("SET statement_timeout = 0")
        breaker.deadline = 0.4
        attempts = Attempts(lambda: run("SELECT pg_sleep(5)"))
        with pytest.raises(CallFailed) as failed:
            breaker.call(attempts)
        assert isinstance(failed.value.__cause__.__cause__, postgres.QueryDeadlineExceeded)  # type: ignore[union-attr]
        assert attempts.count == 1
    finally:
        extensions.set_wait_callback(None)
        connection.close()


def with_sqlstate(sqlstate: str | None) -> OperationalError:
    class OfDriver(psycopg2.OperationalError):
        pgcode = sqlstate

    error = OperationalError()
    error.__cause__ = OfDriver()
    return error


@pytest.mark.parametrize("sqlstate", [None, "08006", "57P01", "57P05", "25P03"])
def test_call_is_repeated_for_each_sqlstate_of_a_lost_connection(
    sqlstate: str | None, breaker: DatabaseBreaker
) -> None:
    def be_cut() -> None:
        raise with_sqlstate(sqlstate)

    run("SELECT 1")
    assert breaker.call(Attempts(be_cut, answer)) == "answer"


@pytest.mark.parametrize("sqlstate", ["57014", "40001", "53300", "22001"])
def test_call_is_not_repeated_while_the_connection_works(sqlstate: str, breaker: DatabaseBreaker) -> None:
    def be_refused() -> None:
        raise with_sqlstate(sqlstate)

    run("SELECT 1")
    attempts = Attempts(be_refused)
    with pytest.raises((CallFailed, OperationalError)):
        breaker.call(attempts)
    assert attempts.count == 1


@on_postgresql
@pytest.mark.parametrize(
    ("sqlstate", "is_kept"),
    [("53200", False), ("08006", False), (None, False), ("40001", True), ("57014", True), ("22001", True)],
)
def test_broken_connection_is_closed_after_the_call(
    sqlstate: str | None, is_kept: bool, breaker: DatabaseBreaker
) -> None:
    def fail() -> None:
        raise with_sqlstate(sqlstate)

    first = breaker.call(pid)
    with pytest.raises((CallFailed, OperationalError)):
        breaker.call_once(fail)
    assert (pid() == first) is is_kept


@on_postgresql
def test_probe_keeps_the_connection_of_a_transaction(breaker: DatabaseBreaker) -> None:
    with transaction.atomic():
        first = pid()
        breaker.open_for(0)
        assert breaker.call(pid) == first
    assert breaker.state == "closed"


@on_postgresql
def test_check_is_bounded_and_closes_its_connection(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def clients() -> set[int]:
        return set(run("SELECT array_agg(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'")[0])

    settings.DB_DEADLINE = 4
    first, before = pid(), clients()  # connections that earlier tests closed may still be among these
    assert breakers.database_breaker().is_reachable()
    eventually(lambda: clients() <= before, 10)
    assert pid() == first
    postgres.install()
    try:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            for name, value in {"HOST": "127.0.0.1", "PORT": str(mute.getsockname()[1]), "OPTIONS": {}}.items():
                monkeypatch.setitem(connection.settings_dict, name, value)
            started = time.monotonic()
            assert not breakers.database_breaker().is_reachable()
            assert time.monotonic() - started < 2.5
    finally:
        extensions.set_wait_callback(None)
        connection.close()

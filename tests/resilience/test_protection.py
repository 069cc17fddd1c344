"""Queries of code that knows nothing of breakers."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import OperationalError, connection, transaction

from catalog.models import Product
from resilience import breakers
from resilience.backends import protection
from resilience.errors import CallFailed, CallRejected, DependencyUnavailable
from resilience.scope import inside

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="of PostgreSQL")


@pytest.fixture(autouse=True)
def protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "_is_on", True)


def state() -> str:
    return breakers.database_breaker().state


def pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (found,) = cursor.fetchone()
    return int(found)


def terminate(victim: int) -> None:
    with inside("database"):
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [victim])
        other.close()


def test_a_query_opens_the_circuit_and_the_next_is_not_made(
    lose_database: Callable[[], None], statements: list[str]
) -> None:
    lose_database()
    with pytest.raises(CallFailed) as failed:
        Product.objects.count()
    assert isinstance(failed.value.__cause__, OperationalError)
    statements.clear()
    with pytest.raises(CallRejected):
        Product.objects.count()
    with pytest.raises(CallRejected), transaction.atomic():
        Product.objects.create(asin="P1")
    assert statements == []


def test_a_query_is_the_probe_of_an_open_circuit() -> None:
    breakers.database_breaker().open_for(0)
    assert Product.objects.count() == 0
    assert state() == "closed"


def test_a_failure_inside_a_transaction_undoes_it_and_opens_the_circuit() -> None:
    def fail(*call: object) -> None:
        raise OperationalError("gone")

    with suppress(DependencyUnavailable), transaction.atomic():
        Product.objects.create(asin="P1")
        with connection.execute_wrapper(fail):
            Product.objects.count()
    assert state() == "open"
    breakers.database_breaker().close()
    assert Product.objects.count() == 0


@on_postgresql
def test_a_connection_that_is_lost_at_the_commit_fails_the_call_and_is_replaced() -> None:
    def create() -> None:
        with transaction.atomic():
            Product.objects.create(asin="P1")
            terminate(pid())
            time.sleep(0.1)  # until its end has come

    with pytest.raises(CallFailed):
        create()
    assert (Product.objects.count(), state()) == (0, "closed")


@on_postgresql
def test_a_read_that_is_cut_is_made_again() -> None:
    first = pid()
    killer = threading.Timer(0.2, terminate, [first])
    killer.start()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6), pg_backend_pid()")
        assert cursor.fetchone()[1] != first
    killer.join()
    assert state() == "closed"


@on_postgresql
def test_a_write_that_is_cut_is_not_made_again(statements: list[str]) -> None:
    killer = threading.Timer(0.2, terminate, [pid()])
    killer.start()
    slow = "INSERT INTO django_session SELECT 'k', 'd', now() FROM pg_sleep(0.6)"
    with pytest.raises(CallFailed), connection.cursor() as cursor:
        cursor.execute(slow)
    killer.join()
    assert statements.count(slow) == 1

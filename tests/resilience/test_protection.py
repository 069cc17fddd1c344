"""Queries of code that knows nothing of breakers."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import OperationalError, connection, transaction

from catalog.models import Product
from resilience import breakers
from resilience.backends import protection
from resilience.errors import CallFailed, CallRejected, DependencyUnavailable
from tests.resilience.backends import end_backend

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


def test_failed_query_opens_the_circuit_and_the_next_is_rejected(
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


def test_query_can_be_the_probe() -> None:
    breakers.database_breaker().open_for(0)
    assert Product.objects.count() == 0
    assert state() == "closed"


def test_failure_inside_a_transaction_rolls_back_and_opens_the_circuit() -> None:
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
def test_connection_lost_during_the_commit_fails_the_call_and_is_replaced() -> None:
    def create() -> None:
        with transaction.atomic():
            Product.objects.create(asin="P1")
            end_backend(pid())

    with pytest.raises(CallFailed):
        create()
    assert (Product.objects.count(), state()) == (0, "closed")


@on_postgresql
def test_cut_read_is_repeated() -> None:
    first = pid()
    killer = threading.Timer(0.2, end_backend, [first])
    killer.start()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6), pg_backend_pid()")
        assert cursor.fetchone()[1] != first
    killer.join()
    assert state() == "closed"


@on_postgresql
def test_cut_write_is_not_repeated(statements: list[str]) -> None:
    killer = threading.Timer(0.2, end_backend, [pid()])
    killer.start()
    slow = "INSERT INTO django_session SELECT 'k', 'd', now() FROM pg_sleep(0.6)"
    with pytest.raises(CallFailed), connection.cursor() as cursor:
        cursor.execute(slow)
    killer.join()
    assert statements.count(slow) == 1


def test_open_circuit_does_not_disturb_the_end_of_a_request() -> None:
    """Django looks after the connection once the answer is complete."""
    Product.objects.count()
    breakers.database_breaker().override("force-open", by="boss")
    connection.close_if_unusable_or_obsolete()
    connection.close_at = 0.0
    connection.close_if_unusable_or_obsolete()
    assert connection.connection is None

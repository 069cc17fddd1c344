import threading
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from catalog.models import Product
from resilience import breakers, database
from resilience.circuit import Outcome
from tests.resilience.backends import end_backend

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="speaks of PostgreSQL; make test runs it there"
)


def outcome_of(statement: str) -> Outcome:
    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute(statement)
    return database.classify(raised.value)


def test_refused_input_is_a_success() -> None:
    Product.objects.create(asin="P1")
    assert outcome_of("INSERT INTO catalog_product SELECT * FROM catalog_product") is Outcome.SUCCESS
    assert outcome_of("SELECT nonsense FROM") is Outcome.SUCCESS


def test_missing_table_is_neutral() -> None:
    assert outcome_of("SELECT * FROM not_migrated") is Outcome.NEUTRAL


def test_unreachable_database_is_a_failure(lose_database: Callable[[], None]) -> None:
    assert breakers.database_breaker().is_reachable()
    lose_database()
    assert outcome_of("SELECT 1") in (Outcome.FAILURE, Outcome.SUSPECT)
    assert not breakers.database_breaker().is_reachable()


def test_bugs_and_interrupts_are_neutral() -> None:
    assert database.classify(TypeError()) is Outcome.NEUTRAL
    assert database.classify(KeyboardInterrupt()) is Outcome.NEUTRAL
    assert database.classify(Product.DoesNotExist()) is Outcome.SUCCESS


@on_postgresql
def test_input_of_the_wrong_type_is_a_success() -> None:
    assert outcome_of("SELECT 1 / 0") is Outcome.SUCCESS
    assert outcome_of("SELECT 'x'::integer") is Outcome.SUCCESS


@on_postgresql
def test_locks_and_a_read_only_server_are_neutral() -> None:
    Product.objects.create(asin="P1")
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Product.objects.select_for_update().get()
            locked.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(10)
    assert outcome_of("SELECT * FROM catalog_product FOR UPDATE NOWAIT") is Outcome.NEUTRAL
    done.set()
    thread.join()
    with pytest.raises(DatabaseError) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY; DELETE FROM catalog_product")
    assert database.classify(raised.value) is Outcome.NEUTRAL


@on_postgresql
def test_a_connection_that_the_server_ended_costs_no_call() -> None:
    breaker = breakers.database_breaker()
    breaker.call(Product.objects.count)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (victim,) = cursor.fetchone()
    end_backend(victim)
    assert breaker.call(Product.objects.count) == 0
    assert breaker.state == "closed"

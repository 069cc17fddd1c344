"""Of two concurrent writers of one product the second waits for the first."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from catalog import repository, review_repository
from catalog.models import Product, Review

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]


def somebody_waits() -> bool:
    """Whether another connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")  # unlike pg_stat_activity, never a snapshot
        return cursor.fetchone() is not None


def write_while(first: Callable[[], Any], second: Callable[[], Any]) -> Future[Any]:
    """The result of ``second`` on its own connection, started after ``first`` and before its commit."""

    def on_its_own() -> Any:
        try:
            return second()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            done = pool.submit(on_its_own)
            end = time.monotonic() + 30
            while not somebody_waits() and not done.done():
                assert time.monotonic() < end
                time.sleep(0.01)
        return done


FIVE_STARS: review_repository.ReviewFields = {"overall": 5, "unix_review_time": 0}


def test_an_update_sees_categories_that_a_concurrent_update_set(pen: Product) -> None:
    done = write_while(
        lambda: repository.update_product(asin=pen.asin, fields={"categories": ["Office", "Gel pens"]}),
        lambda: repository.update_product(asin=pen.asin, fields={"title": "Gel pen, red"}),
    )
    assert json.loads(done.result().categories) == ["Office", "Gel pens"]
    pen.refresh_from_db()
    assert (pen.title, pen.categories, pen.leaf_category) == ("Gel pen, red", ["Office", "Gel pens"], "Gel pens")


def test_a_review_waits_for_a_deletion_and_finds_no_product(pen: Product) -> None:
    done = write_while(
        lambda: repository.delete_product(asin=pen.asin, with_reviews=True),
        lambda: review_repository.create_review(reviewer_id="anna", asin=pen.asin, fields=FIVE_STARS),
    )
    with pytest.raises(Product.DoesNotExist):
        done.result()
    assert not Review.objects.exists()


def test_a_deletion_waits_for_a_review_and_deletes_it(pen: Product) -> None:
    done = write_while(
        lambda: review_repository.create_review(reviewer_id="anna", asin=pen.asin, fields=FIVE_STARS),
        lambda: repository.delete_product(asin=pen.asin, with_reviews=True),
    )
    assert done.result() is None
    assert not Product.objects.exists()
    assert not Review.objects.exists()

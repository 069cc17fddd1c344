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


@pytest.fixture
def reviews(review_of: Callable[..., Review]) -> list[Review]:
    return [review_of("anna", 2), review_of("R1", 5)]


def rating(pen: Product) -> tuple[int, int]:
    pen.refresh_from_db()
    return pen.review_count, pen.rating_total


def test_two_decisions_on_reviews_of_one_product_both_count(pen: Product, reviews: list[Review]) -> None:
    first, second = reviews
    write_while(
        lambda: Review.objects.filter(pk=first.pk).update(state="rejected"),
        lambda: Review.objects.filter(pk=second.pk).update(state="pending"),
    ).result()
    assert rating(pen) == (0, 0)


def test_a_change_and_a_decision_on_one_review_both_count(pen: Product, reviews: list[Review]) -> None:
    own, _ = reviews
    done = write_while(
        lambda: Review.objects.filter(pk=own.pk).update(state="rejected"),
        lambda: review_repository.update_review(number=own.pk, fields={"overall": 4}),
    )
    assert (done.result().overall, done.result().state) == (4, "rejected")
    assert rating(pen) == (1, 5)
    Review.objects.filter(pk=own.pk).update(state="published")
    assert rating(pen) == (2, 9)


def test_of_two_deletions_of_a_review_the_second_finds_none(pen: Product, reviews: list[Review]) -> None:
    own, _ = reviews
    done = write_while(
        lambda: review_repository.delete_review(number=own.pk),
        lambda: review_repository.delete_review(number=own.pk),
    )
    with pytest.raises(Review.DoesNotExist):
        done.result()
    assert rating(pen) == (1, 5)


def test_a_change_waits_for_the_deletion_of_the_product_and_finds_no_review(
    pen: Product, reviews: list[Review]
) -> None:
    done = write_while(
        lambda: repository.delete_product(asin=pen.asin, with_reviews=True),
        lambda: review_repository.update_review(number=reviews[0].pk, fields={"overall": 4}),
    )
    with pytest.raises(Review.DoesNotExist):
        done.result()


def test_the_deletion_of_a_product_waits_for_a_change_of_its_review(pen: Product, reviews: list[Review]) -> None:
    done = write_while(
        lambda: review_repository.update_review(number=reviews[0].pk, fields={"overall": 4}),
        lambda: repository.delete_product(asin=pen.asin, with_reviews=True),
    )
    assert done.result() is None
    assert not Review.objects.exists()


def test_of_two_votes_of_a_user_at_once_one_counts(reviews: list[Review]) -> None:
    number = reviews[0].pk
    done = write_while(
        lambda: review_repository.vote_helpful(number=number, voter="bert"),
        lambda: review_repository.vote_helpful(number=number, voter="bert"),
    )
    with pytest.raises(repository.AlreadyExists):
        done.result()
    assert Review.objects.get(pk=number).helpful_votes == 1


def test_votes_of_two_users_at_once_both_count(reviews: list[Review]) -> None:
    number = reviews[0].pk
    done = write_while(
        lambda: review_repository.vote_helpful(number=number, voter="bert"),
        lambda: review_repository.vote_helpful(number=number, voter="cara"),
    )
    assert (done.result().helpful_votes, done.result().total_votes) == (2, 2)


def test_a_vote_waits_for_a_rejection_and_finds_no_review(reviews: list[Review]) -> None:
    number = reviews[0].pk
    done = write_while(
        lambda: Review.objects.filter(pk=number).update(state="rejected"),
        lambda: review_repository.vote_helpful(number=number, voter="bert"),
    )
    with pytest.raises(Review.DoesNotExist):
        done.result()
    assert Review.objects.get(pk=number).total_votes == 0


def test_a_deletion_waits_for_a_review_and_deletes_it(pen: Product) -> None:
    done = write_while(
        lambda: review_repository.create_review(reviewer_id="anna", asin=pen.asin, fields=FIVE_STARS),
        lambda: repository.delete_product(asin=pen.asin, with_reviews=True),
    )
    assert done.result() is None
    assert not Product.objects.exists()
    assert not Review.objects.exists()

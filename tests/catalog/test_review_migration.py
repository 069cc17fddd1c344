"""The migration that brought the states of reviews: rows of the release before it, and the way back."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection

from catalog.models import Product, Review, ReviewState, Withdrawal
from tests.catalog.test_moderation import decide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reviews(review_of: Callable[..., Review]) -> list[Review]:
    Withdrawal.objects.all().delete()
    return [review_of("anna", 2), review_of("R1", 4), review_of("R2", 5)]


def test_a_row_of_the_earlier_release_is_published(pen: Product) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_review (reviewer_id, asin, reviewer_name, helpful_votes, total_votes, review_text,"
            " overall, summary, unix_review_time) VALUES ('R1', '0000000001', '', 0, 0, '', 4, '', 0)"
        )
    review = Review.objects.get()
    assert (review.state, review.verified, review.reply) == ("published", False, "")
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (1, 4)


def test_the_migration_can_be_undone_and_done_again(pen: Product, reviews: list[Review]) -> None:
    decide(ReviewState.REJECTED, reviews[0])
    call_command("migrate", "catalog", "0007", verbosity=0)
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (3, 11)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_review SET overall = 1 WHERE overall = 5")
    call_command("migrate", verbosity=0)
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (3, 7)
    decide(ReviewState.REJECTED, reviews[1])
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (2, 3)
    assert [each.asin for each in Withdrawal.objects.all()] == [f"review/{reviews[1].pk}"]

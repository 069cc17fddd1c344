"""GET /products/{asin}/reviews/summary."""

from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.models import Product, Review
from catalog.withdrawals import withdrawals

pytestmark = pytest.mark.django_db
PATH = "/products/0000000001/reviews/summary"


@pytest.fixture
def reviews(pen: Product) -> list[Review]:
    made = [(5, 2), (4, 9), (4, 9), (3, 1), (1, 7)]
    return [
        Review.objects.create(
            reviewer_id=f"R{n}",
            product=pen,
            overall=stars,
            helpful_votes=votes,
            total_votes=9,
            unix_review_time=n,
        )
        for n, (stars, votes) in enumerate(made)
    ]


def test_it_counts_stars_and_shows_the_most_helpful_reviews(
    anybody: APIClient, reviews: list[Review], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Review.objects.create(
        reviewer_id="SPAM", product=reviews[0].product, overall=1, unix_review_time=1, state="rejected"
    )
    with django_assert_num_queries(2):
        response = anybody.get(PATH)
    assert response["X-Data-Source"] == "live"
    answer = response.json()
    assert answer["rating"] == {"average": 3.4, "count": 5}
    assert answer["histogram"] == {"5": 1, "4": 2, "3": 1, "2": 0, "1": 1}
    assert answer["most_helpful_positive"] == anybody.get(f"/reviews/{reviews[1].pk}").json()  # the first of two
    assert answer["most_helpful_critical"] == anybody.get(f"/reviews/{reviews[4].pk}").json()


def test_a_product_without_reviews_has_a_summary_of_none(anybody: APIClient, pen: Product) -> None:
    assert anybody.get(PATH).json() == {
        "rating": {"average": None, "count": 0},
        "histogram": {"5": 0, "4": 0, "3": 0, "2": 0, "1": 0},
        "most_helpful_positive": None,
        "most_helpful_critical": None,
    }
    assert anybody.get("/products/NOBODY/reviews/summary").status_code == 404


def test_it_is_stale_in_an_outage_without_a_review_that_was_rejected(
    anybody: APIClient, reviews: list[Review], lose_database: Callable[[], None]
) -> None:
    live = anybody.get(PATH).json()
    withdrawals.announce_reviews(reviews[4].pk, are_published=False)
    lose_database()
    stale = anybody.get(PATH)
    assert stale["X-Data-Source"] == "stale"
    assert stale.json() == {**live, "most_helpful_critical": None}
    unread = anybody.get("/products/OTHER/reviews/summary")
    assert (unread["X-Data-Source"], unread.json()["histogram"]) == ("default", None)

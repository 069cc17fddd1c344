"""The orders and filters of lists of reviews, and their pages."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from catalog.models import Product, Review
from tests.catalog.lists import pages, plan_of, rows_of

pytestmark = pytest.mark.django_db
KEYS: dict[str, Callable[[Review], tuple[int, int]]] = {
    "newest": lambda review: (-review.unix_review_time, -review.pk),
    "helpful": lambda review: (-review.helpful_votes, -review.pk),
    "rating": lambda review: (review.overall, review.pk),
    "-rating": lambda review: (-review.overall, -review.pk),
}
LISTS = ["/reviews?", "/reviews?asin=0000000001&", "/products/0000000001/reviews?"]


@pytest.fixture
def reviews(pen: Product) -> list[Review]:
    """With many equal values, of which each order has its own."""
    return Review.objects.bulk_create(
        Review(
            reviewer_id=f"R{n:02}",
            product=pen,
            overall=1 + n * 7 % 5,
            unix_review_time=1000 + n * 5 % 9,
            helpful_votes=n * 3 % 4,
            total_votes=5,
            verified=n % 3 == 0,
        )
        for n in range(23)
    )


@pytest.mark.parametrize("sort", KEYS)
@pytest.mark.parametrize("path", LISTS)
def test_each_order_shows_every_review_once(anybody: APIClient, reviews: list[Review], path: str, sort: str) -> None:
    expected = [review.pk for review in sorted(reviews, key=KEYS[sort])]
    found = [[each["id"] for each in page.json()] for page in pages(anybody, f"{path}sort={sort}&limit=4")]
    assert [number for page in found for number in page] == expected
    assert [len(page) for page in found] == [4, 4, 4, 4, 4, 3]


@pytest.mark.parametrize("sort", ["", "sort=newest&", "sort=rating&"])
def test_filters_hold_on_every_page(anybody: APIClient, reviews: list[Review], sort: str) -> None:
    asked = f"/reviews?{sort}min_rating=3&verified=true&limit=2"
    found = rows_of(anybody, asked)
    assert {each["id"] for each in found} == {r.pk for r in reviews if r.overall >= 3 and r.verified}
    assert all(each["verified"] is True for each in found)
    others = [each["id"] for each in rows_of(anybody, f"/reviews?{sort}verified=false&limit=9")]
    assert {*others} == {r.pk for r in reviews if not r.verified}


def test_by_default_a_page_ends_with_an_id(anybody: APIClient, reviews: list[Review]) -> None:
    assert f"after={reviews[3].pk}>" in anybody.get("/reviews?limit=4")["Link"]


@pytest.mark.parametrize("path", ["/reviews", "/products/0000000001/reviews"])
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sort=oldest", "sort"),
        ("sort=", "sort"),
        ("min_rating=0", "min_rating"),
        ("min_rating=6", "min_rating"),
        ("min_rating=good", "min_rating"),
        ("verified=maybe", "verified"),
        ("verified=", "verified"),
        ("after=x", "after"),
        ("after=-1", "after"),
        ("after=5.7", "after"),
        ("after=", "after"),
        ("sort=newest&after=7", "after"),
        ("sort=newest&after=1,2,3", "after"),
        ("sort=newest&after=9223372036854775808,1", "after"),
        ("sort=newest&after=٣,٣", "after"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_400_that_names_it(
    anybody: APIClient, pen: Product, path: str, query: str, parameter: str
) -> None:
    response = anybody.get(f"{path}?{query}")
    assert (response.status_code, [*response.json()]) == (400, [parameter])


@pytest.mark.parametrize("after", ["9223372036854775807,9223372036854775807", "-9223372036854775807,0"])
@pytest.mark.parametrize("sort", KEYS)
def test_any_position_can_be_asked_for(anybody: APIClient, reviews: list[Review], sort: str, after: str) -> None:
    assert len(anybody.get(f"/reviews?sort={sort}&after={after}").json()) in (0, len(reviews))


@pytest.mark.parametrize("sort", KEYS)
@pytest.mark.parametrize("path", LISTS)
def test_no_page_sorts_reviews(anybody: APIClient, reviews: list[Review], path: str, sort: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        anybody.get(f"{path}sort={sort}&after=3,7&min_rating=2&verified=true")
    (query,) = [each["sql"] for each in captured if "OFFSET" in each["sql"]]
    plan = plan_of(query)
    assert "SORT" not in plan
    assert "ORDER BY" not in plan

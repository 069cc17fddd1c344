"""The database enforces the rules."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError

from catalog.models import Product, Review

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("values", [{"asin": "0000000001"}, {"asin": ""}, {"asin": "D1", "price": -1}])
def test_products_that_break_a_rule_are_refused(values: dict[str, Any], pen: Product) -> None:
    with pytest.raises(IntegrityError):
        Product.objects.bulk_create([Product(**values)])


@pytest.mark.parametrize(
    "values",
    [
        {"overall": 0},
        {"overall": 6},
        {"helpful_votes": 2, "total_votes": 1},
        {"helpful_votes": -1},
        {"reviewer_id": ""},
        {"reviewer_id": "R0"},
    ],
)
def test_reviews_that_break_a_rule_are_refused(
    values: dict[str, Any], pen: Product, review_of: Callable[..., Review]
) -> None:
    review_of("R0")
    fine = {"reviewer_id": "R1", "product": pen, "overall": 5, "unix_review_time": 0}
    with pytest.raises(IntegrityError):
        Review.objects.bulk_create([Review(**fine | values)])


def test_ratings_follow_the_reviews(pen: Product, products: list[Product], review_of: Callable[..., Review]) -> None:
    def ratings() -> list[tuple[int, int]]:
        return list(
            Product.objects.filter(asin__in=[pen.asin, "D00000"])
            .order_by("asin")
            .values_list("review_count", "rating_total")
        )

    first, second = review_of("R1", 5), review_of("R2", 2)
    assert ratings() == [(2, 7), (0, 0)]
    Review.objects.filter(pk=first.pk).update(overall=1)
    assert ratings() == [(2, 3), (0, 0)]
    Review.objects.filter(pk=second.pk).update(product=products[0])
    assert ratings() == [(1, 1), (1, 2)]
    Review.objects.all().delete()
    assert ratings() == [(0, 0), (0, 0)]


def test_one_good_review_does_not_outrank_many(
    pen: Product, products: list[Product], review_of: Callable[..., Review]
) -> None:
    review_of("R0", 5, products[0])
    for n in range(20):
        review_of(f"R{n}", 5 if n % 4 else 4)
    assert [product.asin for product in Product.objects.order_by("-smoothed_rating")[:2]] == [pen.asin, "D00000"]

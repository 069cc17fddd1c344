import pytest
from django.core.management import call_command

from catalog.models import Product, Review
from recommendations import repository

DAY = 86_400


@pytest.fixture(autouse=True)
def nothing_popular_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "popular_cache", repository.PopularCache())


def review(reviewer: str, asin: str, day: int = 16_000) -> None:
    Review.objects.create(reviewer_id=reviewer, product_id=asin, overall=5, unix_review_time=day * DAY)


@pytest.fixture
def shop() -> None:
    """Ten pens reviewed in pairs, an ink with a text like a pen's, and twenty chairs of which one is popular."""
    for number in range(10):
        Product.objects.create(asin=f"PEN{number}", title=f"Fountain pen {number}", categories=["Office", "Pens"])
    Product.objects.create(asin="INK", title="Ink for a fountain pen", categories=["Office", "Ink"])
    for number in range(20):
        Product.objects.create(asin=f"CHAIR{number}", title=f"Armchair{number}", categories=["Furniture"])
    for number in range(0, 10, 2):
        for reviewer in range(3):
            review(f"p{number}-{reviewer}", f"PEN{number}")
            review(f"p{number}-{reviewer}", f"PEN{number + 1}")
    for reviewer in range(9):
        review(f"c{reviewer}", "CHAIR7")
    Product.objects.filter(asin="PEN0").update(related={"also_bought": ["CHAIR3", "GONE", "PEN1"]})
    call_command("build_recommendations", verbosity=0)

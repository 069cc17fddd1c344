from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from catalog.models import Product, Review
from recommendations import repository
from tests.catalog.conftest import pen, review_of  # noqa: F401
from tests.recommendations.conftest import shop  # noqa: F401
from tests.storefront import ads


@pytest.fixture(autouse=True)
def with_an_ad(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STOREFRONT_ADS = "tests.storefront.ads.one_sponsored"
    ads.asked.clear()
    monkeypatch.setattr(repository, "popular_cache", repository.PopularCache())


@pytest.fixture
def reviews(review_of: Callable[..., Review]) -> list[Review]:  # noqa: F811
    """Eight reviews of the pen, of one to five stars."""
    found = [review_of(f"reviewer{number}", 1 + number % 5) for number in range(8)]
    Review.objects.update(review_text="It <b>writes</b>.", summary="So so")
    return found


@pytest.fixture
def pens(db: None) -> list[Product]:
    """Thirty pens of three brands, from 1.00 on."""
    return Product.objects.bulk_create(
        Product(asin=f"D{n:05}", title=f"Pen {n}", brand=f"Brand {n % 3}", price=1 + n, leaf_category="Pens")
        for n in range(30)
    )


@pytest.fixture
def shopper(db: None, client: Client) -> Client:
    """The browser of a signed-in user."""
    client.force_login(User.objects.create_user("anna"))
    return client


def page_of(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, response.content.decode()
    return response.content.decode()

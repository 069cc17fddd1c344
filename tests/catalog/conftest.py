"""Fixtures: a small shop and its users."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from rest_framework.test import APIClient

from catalog.models import Product, Review
from tests.catalog.seeding import shell


@pytest.fixture
def pen() -> Product:
    return Product.objects.create(
        asin="0000000001",  # all digits, and still a string
        title="Gel pen, blue",
        description="Writes.",
        im_url="https://shop.example/pen.svg",
        related={"also_bought": ["D0PAPER001"]},
        sales_rank={"Office Products": 12},
        categories=["Office Products", "Writing", "Pens"],
        brand="Inkwell",
        price="2.50",
    )


@pytest.fixture
def products(db: None) -> list[Product]:
    return Product.objects.bulk_create(Product(asin=f"D{n:05}", title=f"Product {n}") for n in range(7))


@pytest.fixture
def review_of(pen: Product) -> Callable[..., Review]:
    def make(reviewer: str, overall: int = 5, product: Product = pen) -> Review:
        return Review.objects.create(
            reviewer_id=reviewer, product=product, overall=overall, unix_review_time=1_391_817_600
        )

    return make


@pytest.fixture
def anybody() -> APIClient:
    return APIClient()


@pytest.fixture
def shopper(db: None) -> APIClient:
    """A signed-in user without permissions."""
    client = APIClient()
    client.force_authenticate(User.objects.create_user("anna"))
    return client


def may(name: str, *codenames: str) -> APIClient:
    """A member of the staff with only these permissions."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def staff(db: None) -> APIClient:
    """A member of the staff who may change the catalogue."""
    return may("boss", "add_product", "change_product", "delete_product", "delete_review")


@pytest.fixture
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migrated database for the processes of one test."""
    if connection.vendor == "postgresql":
        from tests import postgres_server

        url = postgres_server.start()
    else:
        url = f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    monkeypatch.setenv("DATABASE_URL", url)
    assert shell("migrate", "--verbosity=0").returncode == 0

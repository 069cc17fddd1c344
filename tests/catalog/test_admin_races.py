"""Two members of the staff at once, and values that no column can hold."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.http import HttpRequest
from django.test import Client

from catalog.admin import ProductAdmin
from catalog.models import Product
from tests.catalog.test_admin import form_of

pytestmark = pytest.mark.django_db(transaction=True)
PRODUCTS = "/admin/catalog/product/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something once on another connection, between the validation of a form and its saving."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")

    def elsewhere(happen: Callable[[], object]) -> None:
        try:
            happen()
        finally:
            connections.close_all()

    def arrange(happen: Callable[[], object]) -> None:
        save, left = ProductAdmin.save_model, [happen]

        def save_later(self: ProductAdmin, request: HttpRequest, *rest: Any) -> None:
            if left:
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(elsewhere, left.pop()).result()
            save(self, request, *rest)

        monkeypatch.setattr(ProductAdmin, "save_model", save_later)

    return arrange


def test_an_asin_that_somebody_else_has_just_taken_is_shown_in_the_form(
    boss: Client, meanwhile: Callable[[Callable[[], object]], None], pen: Product
) -> None:
    meanwhile(lambda: Product.objects.create(asin="TAKEN"))
    page = boss.post(f"{PRODUCTS}add/", form_of(pen, asin="TAKEN", title="Mine")).content.decode()
    assert "Product with this Asin already exists." in page
    assert "Mine" in page


def test_a_product_that_somebody_else_has_just_deleted_is_said_to_be_gone(
    boss: Client, meanwhile: Callable[[Callable[[], object]], None], pen: Product
) -> None:
    meanwhile(pen.delete)
    page = boss.post(f"{PRODUCTS}{pen.pk}/change/", form_of(pen, title="Mine"), follow=True).content.decode()
    assert "Perhaps it was deleted?" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", [PRODUCTS, "/admin/catalog/review/", "/admin/auth/user/", "/admin/recommendations/merchandisingrule/"]
)
@pytest.mark.parametrize("value", ["9" * 30, "-" + "9" * 30, "x", "\ud800".encode("utf-8", "surrogatepass")])
def test_a_chosen_row_that_cannot_be_is_no_failure(boss: Client, url: str, value: Any) -> None:
    answer = boss.post(url, {"action": "delete_selected", "_selected_action": value})
    assert answer.status_code in (200, 302, 400)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("related", "[" * 100_000),
        ("related", '{"a":' * 5_000 + "1" + "}" * 5_000),
        ("related", '{"a": ["\\ud800"]}'),
        ("categories", '["\\ud800"]'),
        ("related", "9" * 5_000),
        ("price", "9" * 400),
    ],
)
def test_a_value_that_cannot_be_stored_is_no_failure(boss: Client, pen: Product, field: str, value: str) -> None:
    answer = boss.post(f"{PRODUCTS}{pen.pk}/change/", form_of(pen, **{field: value}))
    assert answer.status_code in (200, 400)
    assert Product.objects.get().title == pen.title


def test_a_group_that_cannot_be_is_no_failure(boss: Client) -> None:
    user = User.objects.get()
    form = {"username": "boss", "groups": "9" * 30, "date_joined_0": "2020-01-01", "date_joined_1": "00:00"}
    assert boss.post(f"/admin/auth/user/{user.pk}/change/", form).status_code in (200, 400)

"""The cart, a cookie."""

import pytest
from django.test import Client

from catalog.models import Product
from tests.storefront.conftest import page_of

pytestmark = pytest.mark.django_db


def put(client: Client, asin: str, quantity: object = 1, how: str = "add") -> None:
    response = client.post(f"/cart/{how}", {"asin": asin, "quantity": quantity})
    assert (response.status_code, response["Location"]) == (302, "/cart")


def test_products_are_added_changed_and_removed(client: Client, pens: list[Product]) -> None:
    put(client, "D00001")
    put(client, "D00004", 2)
    put(client, "D00001", 2)
    page = page_of(client, "/cart")
    assert "6.00 USD" in page
    assert "10.00 USD" in page
    assert "Total: <strong>16.00 USD</strong>" in page
    assert '<b class="count">5</b>' in page
    assert "Goes with your cart" in page
    put(client, "D00001", 0, how="change")
    assert client.cookies["cart"].value == "D00004:2"
    put(client, "D00004", 0, how="change")
    assert "It is empty" in page_of(client, "/cart")


def test_a_quantity_has_a_limit(client: Client, pens: list[Product]) -> None:
    put(client, "D00001", 99)
    put(client, "D00001", 99)
    assert client.cookies["cart"].value == "D00001:99"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"asin": "a b", "quantity": 1}, "asin"),
        ({"quantity": 1}, "asin"),
        ({"asin": "D00001"}, "quantity"),
        ({"asin": "D00001", "quantity": "x"}, "quantity"),
        ({"asin": "D00001", "quantity": 100}, "quantity"),
        ({"asin": "D00001", "quantity": -1}, "quantity"),
    ],
)
def test_what_cannot_be_is_named(client: Client, fields: dict[str, object], name: str) -> None:
    response = client.post("/cart/add", fields)
    assert (response.status_code, [*response.json()]) == (400, [name])


def test_a_full_cart_says_so_and_keeps_what_it_has(client: Client, db: None) -> None:
    for number in range(50):
        put(client, f"D{number}")
    before = client.cookies["cart"].value
    put(client, "ONE-TOO-MANY")
    assert client.cookies["cart"].value == before
    assert "The cart is full" in page_of(client, "/cart")
    client.cookies["cart"] = ""
    put(client, "A" * 255)
    for letter in "BCDEFGHIJKLMNOP":
        put(client, letter * 255)
    assert len(client.cookies["cart"].value) <= 3000
    assert "The cart is full" in page_of(client, "/cart")


def test_a_product_that_is_no_longer_sold_is_not_shown(client: Client, pens: list[Product]) -> None:
    put(client, "D00001")
    put(client, "GONE")
    page = page_of(client, "/cart")
    assert "GONE" not in page
    assert "Total: <strong>2.00 USD</strong>" in page


def test_a_product_without_a_price_does_not_spoil_the_total(client: Client, pens: list[Product]) -> None:
    Product.objects.filter(asin="D00002").update(price=None)
    put(client, "D00001")
    put(client, "D00002")
    assert "Total, without what has no price: <strong>2.00 USD</strong>" in page_of(client, "/cart")


def test_other_sites_cannot_change_it(pens: list[Product]) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/cart/add", {"asin": "D00001", "quantity": 1}).status_code == 403

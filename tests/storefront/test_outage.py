"""A page is never an error: each part is live, stale, a default or left out, and says so."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from catalog.models import Product, Review
from resilience import breakers
from tests.storefront.conftest import page_of

pytestmark = pytest.mark.django_db
PATH = "/item/0000000001"


def test_what_was_seen_before_stays_and_says_how_old_it_is(
    client: Client, pen: Product, reviews: list[Review], lose_database: Callable[[], None]
) -> None:
    page_of(client, PATH)
    lose_database()
    page = page_of(client, PATH)
    for part in ("This product", "Reviews"):
        assert f'data-source="stale">{part} as of 0 seconds ago.' in page
    assert "<h1>Gel pen, blue</h1>" in page
    assert "Sponsored" in page  # the ad provider is up
    assert client.get(PATH)["X-Data-Source"] == "stale"


def test_what_was_not_seen_has_a_stand_in(
    client: Client, pen: Product, pens: list[Product], reviews: list[Review], lose_database: Callable[[], None]
) -> None:
    page_of(client, "/")
    lose_database()
    page = page_of(client, PATH)
    assert "We cannot show this product now" in page
    assert "Reviews are not available now." in page
    assert "Nobody has reviewed this yet." not in page
    assert "Add to cart" not in page
    assert "application/ld+json" not in page
    assert "Popular products" in page  # kept from the first page
    assert "Customers also liked" not in page
    assert "seen" not in client.cookies


@pytest.mark.parametrize("path", ["/", "/search", "/search?q=pen", "/search?category=Pens", "/cart", "/about"])
def test_every_page_answers(client: Client, pen: Product, lose_database: Callable[[], None], path: str) -> None:
    lose_database()
    page = page_of(client, path)
    assert "UNAVAILABLE" not in page
    assert "Nothing matches" not in page


def test_the_cart_keeps_what_each_page_showed(
    client: Client, pens: list[Product], lose_database: Callable[[], None]
) -> None:
    page_of(client, "/item/D00001")
    for asin in ("D00001", "D00002"):
        client.post("/cart/add", {"asin": asin, "quantity": 1})
    lose_database()
    page = page_of(client, "/cart")
    assert "Pen 1" in page
    assert 'href="/item/D00002">D00002</a>' in page
    assert "price not known now" in page
    assert "Prices as of 0 seconds ago." in page
    client.post("/cart/change", {"asin": "D00001", "quantity": 3})
    assert client.cookies["cart"].value == "D00001:3~D00002:1"


def test_a_signed_in_visitor_is_not_taken_for_a_stranger(
    shopper: Client, pen: Product, lose_database: Callable[[], None]
) -> None:
    lose_database()
    page = page_of(shopper, PATH)
    assert "Signing in is not available now" in page
    assert "Writing is not available now." in page
    assert "Sign in</a>" not in page


def test_a_review_that_cannot_be_stored_is_not_lost(
    shopper: Client, pen: Product, lose_database: Callable[[], None]
) -> None:
    page_of(shopper, PATH)
    lose_database()
    response = shopper.post(f"{PATH}/review", {"overall": 4, "review_text": "It writes.", "number": "7"})
    page = response.content.decode()
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "The database is unavailable. Nothing was changed." in page
    assert ">\nIt writes.</textarea>" in page
    assert 'name="number" value="7"' in page


@pytest.mark.parametrize("action", ["delete", "vote"])
def test_a_button_that_cannot_do_its_work_says_so(
    shopper: Client, pen: Product, reviews: list[Review], lose_database: Callable[[], None], action: str
) -> None:
    lose_database()
    assert shopper.post(f"{PATH}/review/{action}", {"number": reviews[0].pk}).status_code == 302
    assert "The database is unavailable. Nothing was changed." in page_of(shopper, PATH)


def test_ads_of_the_shop_say_so(client: Client, pen: Product, settings: Settings) -> None:
    settings.STOREFRONT_ADS = "tests.storefront.ads.none_but_ours"
    page = page_of(client, PATH)
    assert "From our shop" in page
    assert "Sponsored" not in page
    assert client.get(PATH)["X-Data-Source"] == "default"


def test_the_strip_breaks_the_database_and_comes_back(client: Client, pen: Product, settings: Settings) -> None:
    settings.SABOTAGE = False
    assert "Try an outage" not in page_of(client, PATH)
    settings.SABOTAGE = True
    page = page_of(client, f"{PATH}?sort=newest")
    assert page.count("● up (closed)") == 2
    assert f'name="next" value="{PATH}?sort=newest#strip"' in page
    response = client.post("/sabotage-db", {"next": f"{PATH}?sort=newest"})
    assert (response.status_code, response["Location"]) == (303, f"{PATH}?sort=newest")
    assert breakers.get("database").state == "open"
    assert "● down (open)" in page_of(client, PATH)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_strip_leads_nowhere_else(client: Client, settings: Settings, elsewhere: str) -> None:
    settings.SABOTAGE = True
    assert client.post("/sabotage-db", {"next": elsewhere}).status_code == 200

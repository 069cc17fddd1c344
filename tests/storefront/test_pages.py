"""The pages of the shop while everything is up."""

import json
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from catalog.models import Product, Review
from recommendations import repository
from tests.storefront import ads
from tests.storefront.conftest import page_of

pytestmark = pytest.mark.django_db


def test_home_shows_categories_popular_products_and_an_ad(client: Client, pens: list[Product]) -> None:
    page = page_of(client, "/")
    assert '<a href="/search?category=Pens">Pens</a>' in page
    assert 'href="/item/D00003"' in page
    assert "Popular products" in page
    assert "Recently seen" not in page
    assert "Recommended for you" not in page
    assert "Sponsored" in page
    assert [each["placement"] for each in ads.asked] == ["home"]


def test_a_product_has_its_parts(client: Client, pen: Product, reviews: list[Review]) -> None:
    page = page_of(client, "/item/0000000001")
    assert "<h1>Gel pen, blue</h1>" in page
    assert "2.50 USD" in page
    assert '<a href="/search?category=Writing">Writing</a>' in page
    assert 'aria-label="2.62 of 5 stars"' in page
    assert "It &lt;b&gt;writes&lt;/b&gt;." in page
    assert page.count('<p class="by">') == 5
    assert 'href="https://ads.example/c/1" rel="sponsored nofollow"' in page
    assert '<img class="impression" src="https://ads.example/i/1" alt="" loading="lazy"' in page
    assert 'class="quiet"' not in page
    assert client.get("/item/0000000001")["X-Data-Source"] == "live"


def test_ads_get_the_page_the_viewer_and_the_request(client: Client, pen: Product) -> None:
    first = client.get("/item/0000000001")
    client.get("/item/0000000001")
    viewers = {each.pop("viewer") for each in ads.asked}
    assert viewers == {client.cookies["viewer"].value}
    assert ads.asked[0] == {
        "asin": "0000000001",
        "placement": "product",
        "limit": 3,
        "request_id": first["X-Request-ID"],
    }


def test_a_product_takes_six_queries(
    client: Client, shop: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    repository.popular_cache.refresh()  # once a minute
    with django_assert_max_num_queries(6):
        page_of(client, "/item/PEN1")


def test_search_engines_get_structured_data(client: Client, pen: Product, reviews: list[Review]) -> None:
    Product.objects.update(title="</script><b>Pen & ink")
    page = page_of(client, "/item/0000000001")
    assert "</script><b>" not in page
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    data = json.loads(found)
    assert data["@type"] == "Product"
    assert data["name"] == "</script><b>Pen & ink"
    assert data["url"] == "http://testserver/item/0000000001"
    assert data["aggregateRating"] == {"@type": "AggregateRating", "ratingValue": 2.62, "reviewCount": 8}
    assert data["offers"]["price"] == "2.50"
    assert data["offers"]["priceCurrency"] == "USD"


def test_reviews_are_sorted_and_paged(client: Client, pen: Product, reviews: list[Review]) -> None:
    first = page_of(client, "/item/0000000001?sort=rating")
    (after,) = re.findall(r'href="/item/0000000001\?sort=rating&amp;after=([^"#]+)#reviews"', first)
    second = page_of(client, f"/item/0000000001?sort=rating&after={after}")
    assert first.count('<p class="by">') == 5
    assert second.count('<p class="by">') == 3
    assert "reviewer4" in second  # five stars
    assert "reviewer4" not in first


def test_a_page_of_reviews_that_is_not_one_is_named(client: Client, pen: Product, reviews: list[Review]) -> None:
    page = page_of(client, "/item/0000000001?sort=best&after=x", status=400)
    assert "sort: " in page
    assert "after: " in page
    assert page.count('<p class="by">') == 5


@pytest.mark.parametrize("asin", ["D0NOTHING", "with space", "..", "é"])
def test_an_unknown_product_is_404(client: Client, db: None, asin: str) -> None:
    assert "There is no such product" in page_of(client, f"/item/{asin}", status=404)
    assert ads.asked == []


def test_a_product_that_is_not_listed_is_404(client: Client, pen: Product) -> None:
    Product.objects.update(is_listed=False)
    page_of(client, "/item/0000000001", status=404)


def test_a_product_out_of_stock_cannot_be_put_into_the_cart(client: Client, pen: Product) -> None:
    Product.objects.update(in_stock=False)
    page = page_of(client, "/item/0000000001")
    assert "Out of stock" in page
    assert "Add to cart" not in page


def test_what_was_seen_is_remembered_newest_first(client: Client, pens: list[Product]) -> None:
    for asin in ("D00001", "D00002", "D00001"):
        page_of(client, f"/item/{asin}")
    assert client.cookies["seen"].value == "D00001~D00002"
    page = page_of(client, "/")
    seen = page[page.index("Recently seen") :]
    assert seen.index("Pen 1") < seen.index("Pen 2")
    assert "Recommended for you" in page


@pytest.mark.parametrize("name", ["seen", "cart", "viewer"])
@pytest.mark.parametrize("value", ["~~", "a b", "x" * 4000, "../..", "é~<b>", "D1:99999999999~D2:-1~D3:²", ":"])
def test_a_strange_cookie_does_no_harm(client: Client, pens: list[Product], name: str, value: str) -> None:
    client.cookies[name] = value
    for path in ("/", "/item/D00001", "/cart", "/search"):
        assert "<b>" not in page_of(client, path).replace('<b class="count">', "")


def test_a_signed_in_user_gets_recommendations_of_their_own(shopper: Client, pens: list[Product]) -> None:
    page = page_of(shopper, "/")
    assert "Recommended for you" in page
    assert '<span class="who">anna</span>' in page
    assert "Sign out" in page


def test_a_page_is_never_kept_by_caches(client: Client, pen: Product) -> None:
    for path in ("/", "/item/0000000001", "/search", "/cart"):
        assert client.get(path)["Cache-Control"] == "private, no-store"

"""The search page, which is the page of a category too."""

import html
import re

import pytest
from django.test import Client

from catalog.models import Product
from tests.storefront import ads
from tests.storefront.conftest import page_of

pytestmark = pytest.mark.django_db


def cards(page: str) -> list[str]:
    found = page[page.index('id="found"') :].partition("</section>")[0]
    return re.findall(r'href="/item/([^"]+)"', found)


def test_all_pages_together_have_each_product_once(client: Client, pens: list[Product]) -> None:
    first = page_of(client, "/search?q=pen")
    assert "30 products" in first
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = page_of(client, html.unescape(following))
    assert sorted(cards(first) + cards(second)) == [f"D{n:05}" for n in range(30)]
    assert 'href="/search?q=pen">First page' in second
    assert 'rel="next"' not in second


def test_facets_narrow_down_and_can_be_taken_back(client: Client, pens: list[Product]) -> None:
    page = page_of(client, "/search?q=pen&sort=-price")
    assert '<a href="/search?q=pen&amp;sort=-price&amp;brand=Brand+1">Brand 1</a> <span>10</span>' in page
    narrowed = page_of(client, "/search?q=pen&sort=-price&brand=Brand+1&max_price=9.99")
    assert cards(narrowed) == ["D00007", "D00004", "D00001"]
    assert '<a class="chosen" href="/search?q=pen&amp;max_price=9.99&amp;sort=-price">Brand 1' in narrowed
    assert "up to 9.99" in narrowed


def test_the_bands_of_prices_do_not_overlap(client: Client, pens: list[Product]) -> None:
    page = page_of(client, "/search")
    bands = re.findall(r'<a href="(/search\?min_price=[^"]+)">[^<]+</a> <span>(\d+)</span>', page)
    counts = [len(cards(page_of(client, html.unescape(address)))) for address, _ in bands]
    assert counts == [int(count) for _, count in bands] == [9, 15, 6]


@pytest.mark.parametrize(
    "query",
    ["q=&category=&brand=&min_price=&max_price=&sort=", "utm_source=letter&gclid=1", "", "page=7", "asins=x&fields=y"],
)
def test_empty_fields_and_parameters_of_others_ask_for_nothing(client: Client, pens: list[Product], query: str) -> None:
    assert "30 products" in page_of(client, f"/search?{query}")


@pytest.mark.parametrize(
    ("query", "name"),
    [("min_price=x", "min_price"), ("sort=best", "sort"), ("after=1,2,x", "after"), ("q=" + "x" * 201, "q")],
)
def test_a_parameter_that_cannot_be_is_named(client: Client, db: None, query: str, name: str) -> None:
    page = page_of(client, f"/search?{query}", status=400)
    assert f"<li>{name}: " in page
    assert 'role="search"' in page
    assert '<a href="/search">Search without it</a>' in page


def test_nothing_found_shows_popular_products(client: Client, pens: list[Product]) -> None:
    page = page_of(client, "/search?q=unicorn")
    assert "Nothing matches" in page
    assert "Popular products" in page


def test_ads_get_the_words_and_the_category(client: Client, pens: list[Product]) -> None:
    client.get("/search?q=gel+pen&category=Pens")
    client.get("/search")
    assert [each.get("keywords") for each in ads.asked] == [("gel pen", "Pens"), None]


def test_suggestions_are_links_to_products(client: Client, pens: list[Product]) -> None:
    page = page_of(client, "/search/suggestions?q=pen+2")
    assert '<a href="/item/D00002">Pen 2</a>' in page
    assert "<html" not in page
    for nothing in ("", "?q=", "?q=the", "?q=unicorn", "?q=" + "x" * 5000):
        assert page_of(client, f"/search/suggestions{nothing}").strip() == ""

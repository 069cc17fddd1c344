"""POST /ads of the ad provider."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ad_provider_site import views
from campaigns.snapshot import refresher
from catalog.defaults import HOUSE_ADS
from catalog.models import Product

HOUSE = [asin for asin, *_ in HOUSE_ADS]
PENS = {f"PEN{n}" for n in range(6)}
PAPERS = {f"PAPER{n}" for n in range(6)}


def ask(client: Client, context: Any) -> Any:
    response = client.post("/ads", context, content_type="application/json")
    assert response.status_code == 200, response.content
    return response.json()


def asins(client: Client, **context: Any) -> list[str]:
    return [ad["asin"] for ad in ask(client, context)]


@pytest.mark.parametrize("path", ["/ads", "/ads/"])
def test_ads_are_product_shaped_and_live(client: Client, shop: list[Product], path: str) -> None:
    response = client.post(path, {"limit": 1}, content_type="application/json")
    assert response["X-Data-Source"] == "live"
    fields = {"asin", "title", "description", "imUrl", "related", "salesRank", "categories", "brand", "price"}
    fields |= {"listed", "in_stock", "rating"}
    (ad,) = response.json()
    assert set(ad) == fields | {"sponsored", "ad_id", "impression_url", "click_url"}
    assert (ad["sponsored"], ad["ad_id"], ad["impression_url"]) == (False, None, None)
    assert ad["click_url"] == f"http://localhost:8000/item/{ad['asin']}"


def test_the_products_category_comes_first_and_the_product_is_left_out(client: Client, shop: list[Product]) -> None:
    for _ in range(20):
        found = asins(client, asin="PEN0", limit=8)
        assert set(found[:5]) == PENS - {"PEN0"}
        assert set(found[5:]) < PAPERS
        assert len(set(found)) == 8


def test_the_categories_of_the_context_fit_too(client: Client, shop: list[Product]) -> None:
    assert set(asins(client, categories=["Paper"], limit=6)) == PAPERS
    assert set(asins(client, asin="PEN0", categories=["Paper"], limit=11)) == (PENS | PAPERS) - {"PEN0"}


@pytest.mark.parametrize(
    "context", [{}, {"asin": "NOBODY"}, {"asin": "UNSORTED"}, {"categories": ["Nothing"]}, {"categories": []}]
)
def test_without_a_category_all_products_are_candidates(
    client: Client, shop: list[Product], context: dict[str, Any]
) -> None:
    Product.objects.create(asin="UNSORTED")
    own = {context.get("asin")}
    assert set(asins(client, limit=100, **context)) == (PENS | PAPERS | {"UNSORTED"}) - own


@pytest.mark.slow
def test_better_rated_products_are_shown_more_often(
    client: Client, shop: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_rng", random.Random(1))  # deterministic
    shown = Counter(asin for _ in range(300) for asin in asins(client, categories=["Paper"], limit=1))
    assert set(shown) >= {"PAPER0", "PAPER1", "PAPER2", "PAPER3"}
    assert shown["PAPER0"] > shown["PAPER3"]


def test_the_default_limit_is_ten(client: Client, shop: list[Product]) -> None:
    assert len(asins(client)) == 10
    assert len(asins(client, limit=100)) == 12


def test_an_empty_shop_has_no_ads(client: Client, db: None) -> None:
    assert asins(client) == []


@pytest.mark.parametrize(
    ("context", "queries"), [({}, (1, 1)), ({"asin": "PEN0"}, (1, 2)), ({"categories": ["Paper"]}, (1, 2))]
)
def test_house_ads_take_one_query_or_two_if_few_products_fit(
    client: Client,
    shop: list[Product],
    context: dict[str, Any],
    queries: tuple[int, int],
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    latest = refresher.latest()
    monkeypatch.setattr(refresher, "latest", lambda: latest)
    for limit, number in zip((1, 100), queries, strict=True):
        with django_assert_num_queries(number):
            ask(client, context | {"limit": limit})


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 10**30}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": None}, "limit"),
        ({"asin": "A\x00"}, "asin"),
        ({"asin": "A" * 256}, "asin"),
        ({"asin": ["A"]}, "asin"),
        ({"categories": "Paper"}, "categories"),
        ({"categories": [{}]}, "categories"),
        ({"categories": ["A\x00"]}, "categories"),
        ({"categories": ["A"] * 21}, "categories"),
        ({"categories": ["A" * 201]}, "categories"),
        ({"keywords": "pen"}, "keywords"),
        ({"keywords": ["a" * 201]}, "keywords"),
        ({"placement": "p" * 51}, "placement"),
        ({"placement": None}, "placement"),
        ({"viewer": "v" * 201}, "viewer"),
        ({"viewer": {}}, "viewer"),
        ({"explain": "perhaps"}, "explain"),
        ([], "non_field_errors"),
        ("asin", "detail"),
    ],
)
def test_an_invalid_parameter_is_named(client: Client, context: Any, field: str) -> None:
    response = client.post("/ads", context, content_type="application/json")
    assert response.status_code == 400
    assert list(response.json()) == [field]


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"limit": NaN}'])
def test_invalid_json_is_400(client: Client, body: bytes) -> None:
    response = client.post("/ads", body, content_type="application/json")
    assert response.status_code == 400
    assert "JSON" in response.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_house_ads_are_served_during_a_database_outage(client: Client, lose_database: Callable[[], None]) -> None:
    lose_database()
    for _ in range(2):  # the failing call, and one that is rejected
        response = client.post("/ads", {"asin": "PEN0", "limit": 3}, content_type="application/json")
        assert response.status_code == 200
        assert response["X-Data-Source"] == "default"
        assert len({ad["asin"] for ad in response.json()} & set(HOUSE)) == 3
        assert {ad["click_url"] for ad in response.json()} == {None}  # not products of the catalogue
    (breaker,) = client.get("/breakers").json()
    assert (breaker["name"], breaker["state"]) == ("database", "open")


@pytest.mark.django_db(transaction=True)
def test_stale_candidates_are_used_during_an_outage(
    client: Client, lose_database: Callable[[], None], shop: list[Product]
) -> None:
    asins(client, asin="PEN0", limit=3)
    lose_database()
    response = client.post("/ads", {"asin": "PEN0", "limit": 3}, content_type="application/json")
    assert response["X-Data-Source"] == "stale"
    assert {ad["asin"] for ad in response.json()} < PENS

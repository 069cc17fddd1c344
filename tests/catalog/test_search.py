"""GET /products with words, filters and sorts, and GET /products/facets."""

from collections.abc import Callable
from importlib import import_module
from itertools import product as combinations
from types import SimpleNamespace
from typing import Any

import pytest
from cachetools import TTLCache
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.models import Product, Review
from catalog.search import query
from tests.catalog.lists import plan_of, rows_of
from tests.resilience.doubles import Clock

pytestmark = pytest.mark.django_db
# Title, brand, categories, price, stars of its reviews, in stock.
SHOP: dict[str, tuple[str, str, list[str], float | None, list[int], bool]] = {
    "GEL": ("Gel pen, blue", "Inkwell", ["Office", "Pens", "Gel pens"], 2.5, [5, 5, 4], True),
    "BALL": ("Ballpoint pens, 0.7mm, black", "Quill", ["Office", "Pens"], 1.2, [4], True),
    "CASE": ("Case for school", "Pen & Paper", ["School"], 9.99, [], True),
    "INK": ("Blue ink", "Inkwell", ["Office", "Refills for pens"], 7.0, [5] * 6, False),
    "STAPLER": ("The stapler of staplers", "Klack", ["Office", "Tools"], 25.0, [1, 2], True),
    "NOTHING": ("Café au lait", "", [], None, [3], True),
}


@pytest.fixture(autouse=True)
def shop() -> None:
    for asin, (title, brand, categories, price, stars, in_stock) in SHOP.items():
        product = Product.objects.create(
            asin=asin, title=title, brand=brand, categories=categories, price=price, in_stock=in_stock
        )
        Review.objects.bulk_create(
            Review(reviewer_id=f"R{n}", product=product, overall=each, unix_review_time=1)
            for n, each in enumerate(stars)
        )
    Product.objects.create(asin="HIDDEN", title="Blue pen", brand="Inkwell", categories=["Office"], is_listed=False)


def asins(client: APIClient, **parameters: Any) -> list[str]:
    response = client.get("/products", parameters)
    assert response.status_code == 200, response.content
    assert response["X-Data-Source"] == "live"
    assert int(response["X-Total-Count"]) >= len(response.json())
    return [each["asin"] for each in response.json()]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("blue pen", ["GEL", "INK"]),  # all words in the title first
        ("pen BLUE", ["GEL", "INK"]),
        ("pens", ["GEL", "BALL", "INK", "CASE"]),  # by stem
        ("staple", ["STAPLER"]),  # the last word may be incomplete
        ("sta", ["STAPLER"]),
        ("st", []),
        ("staple gun", []),
        ("bal blue", []),  # the last word only
        ("the pens of school", ["CASE"]),
        ("case for the sch", ["CASE"]),
        ("the", []),
        ("0.7mm", ["BALL"]),
        ("ballpoint-pens/black", ["BALL"]),
        ("office tools", ["STAPLER"]),  # words of categories
        ("inkwell", ["INK", "GEL"]),
        ("café", ["NOTHING"]),
        ("CAFÉ", ["NOTHING"]),
        ('pen" OR title:*', []),
        ("-^(){}&|!<>'\\\"", []),
        ("c4f66666963650", []),  # how the index names a category
    ],
)
def test_words_find_products_in_titles_brands_and_categories(anybody: APIClient, words: str, found: list[str]) -> None:
    assert asins(anybody, q=words) == found


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"category": "Office"}, {"GEL", "BALL", "INK", "STAPLER"}),
        ({"category": "Pens"}, {"GEL", "BALL"}),
        ({"category": "pens"}, set()),
        ({"category": "Pens", "q": "blue"}, {"GEL"}),
        ({"brand": "Inkwell"}, {"GEL", "INK"}),
        ({"min_price": 2.5, "max_price": 9.99}, {"GEL", "CASE", "INK"}),
        ({"min_rating": 4}, {"GEL", "BALL", "INK"}),
        ({"min_rating": 4.7}, {"INK"}),
        ({"in_stock": "false"}, {"INK"}),
        ({"in_stock": "true", "brand": "Inkwell"}, {"GEL"}),
        ({}, set(SHOP)),
    ],
)
def test_filters_are_combined(anybody: APIClient, parameters: dict[str, Any], found: set[str]) -> None:
    assert set(asins(anybody, **parameters)) == found


SORTED = {
    "": list(SHOP),
    "rating": ["INK", "GEL", "BALL", "CASE", "NOTHING", "STAPLER"],
    "relevance": ["INK", "GEL", "BALL", "CASE", "NOTHING", "STAPLER"],
    "price": ["BALL", "GEL", "INK", "CASE", "STAPLER", "NOTHING"],
    "-price": ["STAPLER", "CASE", "INK", "GEL", "BALL", "NOTHING"],
    "newest": list(SHOP)[::-1],
    "popular": ["INK", "GEL", "STAPLER", "NOTHING", "BALL", "CASE"],
}


@pytest.mark.parametrize(("sort", "limit"), [*combinations(SORTED, [1, 2, 100])])
def test_pages_by_key_visit_each_product_once_in_order(anybody: APIClient, sort: str, limit: int) -> None:
    assert asins_of(anybody, f"/products?limit={limit}" + f"&sort={sort}" * bool(sort)) == SORTED[sort]


def test_pages_of_a_search_go_on_after_the_title_matches(anybody: APIClient) -> None:
    assert asins_of(anybody, "/products?q=pens&limit=1") == ["GEL", "BALL", "INK", "CASE"]


def test_products_with_equal_keys_are_on_one_page_each(anybody: APIClient) -> None:
    Product.objects.bulk_create(Product(asin=f"TWIN{n}", title="Twin", price=5) for n in range(5))
    twins = [f"TWIN{n}" for n in range(5)]
    assert asins_of(anybody, "/products?q=twin&limit=2&sort=price") == twins
    for sort in ("rating", "-price", "popular", "relevance"):  # the newest first
        assert asins_of(anybody, f"/products?q=twin&limit=2&sort={sort}") == twins[::-1]


def asins_of(client: APIClient, url: str) -> list[str]:
    return [each["asin"] for each in rows_of(client, url)]


@pytest.mark.parametrize(
    ("sort", "key"), [("rating", "4.5,3"), ("price", "2,3"), ("-price", "2,3"), ("popular", "2,3")]
)
def test_no_order_sorts_all_products(anybody: APIClient, sort: str, key: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        anybody.get(f"/products?sort={sort}&after={key}")
    plan = plan_of(next(each["sql"] for each in captured if "OFFSET" in each["sql"]))
    assert "SORT" not in plan
    assert "ORDER BY" not in plan


def test_a_change_is_found_at_once(anybody: APIClient) -> None:
    product = Product.objects.get(asin="CASE")
    product.title, product.categories = "Box", ["Office", "Boxes"]
    product.save()
    assert asins(anybody, q="case") == []
    assert asins(anybody, q="boxes", category="Boxes") == ["CASE"]
    Product.objects.filter(asin="CASE").delete()
    assert asins(anybody, q="box") == []


def test_the_total_is_exact_or_says_that_it_is_an_estimate(anybody: APIClient) -> None:
    Product.objects.bulk_create(Product(asin=f"MANY{n}", title="Many of the same") for n in range(1_001))
    response = anybody.get("/products?q=many&limit=1")
    is_estimated = response.get("X-Total-Count-Estimated") == "true"
    assert is_estimated == (connection.vendor == "postgresql")
    assert int(response["X-Total-Count"]) >= 1_001
    few = anybody.get("/products?q=pens&limit=1")
    assert (few["X-Total-Count"], few.get("X-Total-Count-Estimated")) == ("4", None)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite counts")
def test_an_estimate_serves_for_ten_seconds(anybody: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(query, "estimates", TTLCache(10, query.ESTIMATED_FOR, timer=clock))
    Product.objects.bulk_create(Product(asin=f"MANY{n}", title="Many of the same") for n in range(1_001))
    numbers = []
    for seconds in (0, 9, 2):
        clock.now += seconds
        for sort in ("", "&sort=newest"):
            with CaptureQueriesContext(connection) as captured:
                assert anybody.get(f"/products?limit=1{sort}")["X-Total-Count-Estimated"] == "true"
            numbers.append(len(captured))
    assert numbers == [3, 1, 1, 1, 3, 1]


@pytest.mark.parametrize(("url", "queries"), [("/products", 1), ("/products?limit=2", 2), ("/products?q=pen", 2)])
def test_the_number_of_queries(
    anybody: APIClient, url: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(queries):
        anybody.get(url)


def test_facets_count_what_matches(anybody: APIClient, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        response = anybody.get("/products/facets", {"category": "Office"})
    assert response["X-Data-Source"] == "live"
    assert response.json() == {
        "total": 4,
        "total_is_exact": True,
        "is_complete": True,
        "categories": [{"value": name, "count": 1} for name in ("Gel pens", "Pens", "Refills for pens", "Tools")],
        "brands": [
            {"value": "Inkwell", "count": 2},
            {"value": "Klack", "count": 1},
            {"value": "Quill", "count": 1},
        ],
        "prices": [
            {"min_price": 0, "max_price": 9.99, "count": 3},
            {"min_price": 25, "max_price": 49.99, "count": 1},
        ],
        "ratings": [
            {"min_rating": 4, "count": 3},
            {"min_rating": 3, "count": 3},
            {"min_rating": 2, "count": 3},
            {"min_rating": 1, "count": 4},
        ],
    }


def test_a_batch_has_the_order_of_the_request(anybody: APIClient, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        response = anybody.get("/products?asins=STAPLER,NOBODY,GEL,HIDDEN,STAPLER&fields=asin,price")
    assert response.json() == [{"asin": "STAPLER", "price": 25.0}, {"asin": "GEL", "price": 2.5}]


def test_one_product_may_be_cut_down_too(anybody: APIClient) -> None:
    rating = {"average": 4.67, "count": 3}
    assert anybody.get("/products/GEL?fields=rating,asin").json() == {"rating": rating, "asin": "GEL"}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("colour=blue", "colour"),
        ("sort=best", "sort"),
        ("min_price=-1", "min_price"),
        ("min_price=x", "min_price"),
        ("min_rating=6", "min_rating"),
        ("min_rating=nan", "min_rating"),
        ("in_stock=maybe", "in_stock"),
        ("q=" + "x" * 201, "q"),
        ("fields=asin,colour", "fields"),
        ("asins=" + ",".join(f"A{n}" for n in range(101)), "asins"),
        ("asins=GEL&q=pen", "asins"),
        ("after=x", "after"),
        ("after=1,2", "after"),
        ("after=[1]", "after"),
        ("after=1e999", "after"),
        ("after=99999999999999999999999", "after"),
        ("sort=price&after=1", "after"),
        ("q=pen&after=1", "after"),
    ],
)
def test_a_bad_parameter_is_named(anybody: APIClient, query: str, named: str) -> None:
    response = anybody.get(f"/products?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [named]


def test_unknown_parameters_are_answered_with_the_known_ones(anybody: APIClient) -> None:
    for path in ("/reviews", "/products/GEL", "/products/GEL/reviews", "/ads", "/recommendations/popular"):
        (message,) = anybody.get(f"{path}?colour=blue").json()["colour"]
        assert message.startswith("There is no such parameter. Known are ")


def test_a_search_is_stale_during_an_outage(anybody: APIClient, lose_database: Callable[[], None]) -> None:
    live = anybody.get("/products?q=pens&sort=price")
    counted = anybody.get("/products/facets?q=pens").json()
    lose_database()
    stale = anybody.get("/products?q=pens&sort=price")
    assert (stale["X-Data-Source"], stale.json()) == ("stale", live.json())
    assert stale["X-Total-Count"] == "4"
    assert anybody.get("/products/facets?q=pens").json() == counted
    unread = anybody.get("/products/facets?q=ink")
    assert unread["X-Data-Source"] == "default"
    assert (unread.json()["total"], unread.json()["brands"]) == (None, [])
    assert anybody.get("/products?asins=GEL").json() == []


def test_products_of_an_earlier_release_are_indexed_by_the_migration(anybody: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalog_search")
    Product.objects.create(asin="NEW", title="New pen")
    assert asins(anybody, q="pen") == ["NEW"]
    migration = import_module("catalog.migrations.0009_search_of_earlier_products")
    with connection.cursor() as cursor:
        migration.fill(apps, SimpleNamespace(connection=connection, execute=cursor.execute))
    assert asins(anybody, q="pen") == ["GEL", "BALL", "NEW", "INK", "CASE"]

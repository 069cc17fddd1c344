"""A page ends when its rows get too large, and its Link continues."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from catalog import rows
from catalog.models import Product, Review
from catalog.rows import MAX_PAGE_BYTES
from tests.catalog.lists import pages

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ROWS, LENGTH = 120, 100_000


def of(**given: str) -> Callable[[], list[int]]:
    return lambda: list(Review.objects.filter(**given).values_list("id", flat=True))


EXPECTED: dict[str, Callable[[], list[Any]]] = {
    "/products?": lambda: list(Product.objects.values_list("asin", flat=True)),
    "/reviews?": of(),
    "/reviews?reviewerID=R&": of(reviewer_id="R"),
    "/reviews?asin=P0&": of(product_id="P0"),
    "/products/P0/reviews?": of(product_id="P0"),
}


@pytest.fixture
def letter() -> str:
    return "x"


@pytest.fixture
def large(letter: str) -> None:
    """Products and reviews of the greatest length: one reviewer of all products, and all reviewers of one."""
    text = letter * LENGTH
    Product.objects.bulk_create([Product(asin=f"P{n}", description=text) for n in range(ROWS)], batch_size=20)
    reviews = [Review(reviewer_id="R", product_id=f"P{n}") for n in range(ROWS)]
    reviews += [Review(reviewer_id=f"R{n}", product_id="P0") for n in range(ROWS)]
    for review in reviews:
        review.review_text, review.overall, review.unix_review_time = text, 5, 0
    Review.objects.bulk_create(reviews, batch_size=20)


@pytest.mark.parametrize("url", EXPECTED)
def test_following_pages_visits_every_row_once(client: Client, large: None, url: str) -> None:
    for first, skipped in (("limit=1000", 0), ("limit=1000&skip=7", 7), ("limit=7", 0)):
        seen = []
        for page in pages(client, url + first):
            assert len(page.content) < 1.1 * MAX_PAGE_BYTES
            seen += [each.get("id", each["asin"]) for each in page.json()]
        assert seen == EXPECTED[url]()[skipped:], first


def test_json_counts_by_its_text_and_not_by_its_compressed_size(client: Client) -> None:
    related = {f"kind{n}": ["A" * 32] * 200 for n in range(60)}  # 430 kB of text, which PostgreSQL stores in 8 kB
    length = len(json.dumps(related))
    Product.objects.bulk_create([Product(asin=f"P{n}", related=related) for n in range(20)], batch_size=5)
    seen = []
    for page in pages(client, "/products?limit=1000"):
        assert len(page.content) < MAX_PAGE_BYTES + length
        seen += [each["asin"] for each in page.json()]
    assert seen == [f"P{n}" for n in range(20)]


def test_given_products_end_early_without_a_next_page(client: Client, large: None) -> None:
    response = client.get("/products?asins=" + ",".join(f"P{n}" for n in range(50)))
    shown = [each["asin"] for each in response.json()]
    assert shown == [f"P{n}" for n in range(len(shown))]
    assert 0 < len(shown) < 50
    assert "Link" not in response


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_bytes_count_and_not_characters(client: Client, large: None, letter: str) -> None:
    first, second, *_ = pages(client, "/reviews?limit=1000")
    for page in (first, second):
        assert 0.7 * MAX_PAGE_BYTES < len(page.content) < 1.1 * MAX_PAGE_BYTES


@pytest.mark.parametrize("url", EXPECTED)
def test_memory_holds_a_page_and_no_more(client: Client, large: None, url: str) -> None:
    client.get(f"{url}limit=1")
    tracemalloc.start()
    try:
        client.get(f"{url}limit=1000")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MAX_PAGE_BYTES < ROWS * LENGTH


def test_a_row_larger_than_a_page_gets_its_own_page(
    client: Client, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_PAGE_BYTES", LENGTH - 1)
    assert len(list(pages(client, "/reviews?reviewerID=R"))) == ROWS


def test_a_long_text_among_short_ones_is_all_there(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    texts = ["short", "x" * LENGTH, "", "é" * LENGTH, "last"]
    related = {"also_bought": [f"P{n}" for n in range(5)]}
    for number, text in enumerate(texts):
        Product.objects.create(asin=f"P{number}", description=text, categories=["Pens"], related=related)
    with django_assert_num_queries(2):  # one more for all of the long ones
        found = client.get("/products").json()
    assert [each["description"] for each in found] == texts
    assert {len(each["related"]["also_bought"]) for each in found} == {5}

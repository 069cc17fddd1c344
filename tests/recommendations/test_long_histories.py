"""A reviewer of very many products costs hardly more than a reviewer of few."""

import statistics
import time
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import Product, Review

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
FEW, MANY, PRODUCTS = 30, 30_000, 31_000
QUERIES, LONGEST = 40, 20_000  # statements per request, and characters of each: a few hundred ids
SLOWER = 50  # times, five times the usual

MAKE = """
    WITH RECURSIVE n (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM n WHERE n < {last}) INSERT INTO {table}
"""
MAKE_PRODUCTS = """
    (asin, title, description, im_url, related, sales_rank, categories, leaf_category, brand, review_count,
     rating_total)
    SELECT 'P' || n, '', '', '', '{}', '{}', '["Office", "Pens"]', 'Pens', '', 0, 0 FROM n
"""
MAKE_REVIEWS = """
    (reviewer_id, asin, reviewer_name, helpful_votes, total_votes, review_text, overall, summary, unix_review_time)
    SELECT %s, 'P' || n, '', 0, 0, '', 5, '', 1300000000 + n FROM n
"""


@pytest.fixture
def reviewers() -> None:
    """A reviewer of many products, which are the best rated, and a reviewer of a few of them."""
    with connection.cursor() as cursor:
        for model, count, columns, parameters in (
            (Product, PRODUCTS, MAKE_PRODUCTS, []),
            (Review, MANY, MAKE_REVIEWS, ["many"]),
            (Review, FEW, MAKE_REVIEWS, ["few"]),
        ):
            cursor.execute(MAKE.format(last=count - 1, table=model._meta.db_table) + columns, parameters or None)
        # Else the planner's statistics are those of earlier tests.
        cursor.execute("ANALYZE")


def ask(client: Client, reviewer: str, query: str) -> list[dict[str, Any]]:
    response = client.get(f"/reviewers/{reviewer}/recommendations?{query}")
    assert (response.status_code, response["X-Data-Source"]) == (200, "live")
    found: list[dict[str, Any]] = response.json()
    return found


def seconds(client: Client, reviewer: str, query: str) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        ask(client, reviewer, query)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def number(asin: str) -> int:
    return int(asin.removeprefix("P"))


QUESTIONS = [
    "category=Nope",
    "category=Office&limit=100",
    "category=Pens",
    "limit=100",
    "include_seen=true",
    "category=Nope&include_seen=true",
]


def test_no_query_grows_with_the_history(client: Client, reviewers: None) -> None:
    client.get("/recommendations/popular")  # cached for a minute
    for query, reviewer in product(QUESTIONS, ("few", "many")):
        with CaptureQueriesContext(connection) as asked:
            ask(client, reviewer, query)
        assert 0 < len(asked) <= QUERIES, query
        assert max(len(each["sql"]) for each in asked.captured_queries) <= LONGEST, query


def test_a_long_history_takes_little_more_time(client: Client, reviewers: None) -> None:
    for query in QUESTIONS:
        assert seconds(client, "many", query) < SLOWER * seconds(client, "few", query), query


def test_a_reviewer_of_nearly_everything_gets_the_rest_and_one_of_too_many_gets_new_ones(
    client: Client, reviewers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for query in ("limit=100", "category=Office&limit=100", "category=Pens&limit=100"):
        found = ask(client, "many", query)
        assert len(found) == 100, query
        assert all(number(each["asin"]) >= MANY for each in found), query
    monkeypatch.setattr("recommendations.candidates.COMPARED", (100, 1000))
    found = ask(client, "many", "limit=10")
    assert [number(each["asin"]) for each in found] == [*range(PRODUCTS - 1, PRODUCTS - 11, -1)]

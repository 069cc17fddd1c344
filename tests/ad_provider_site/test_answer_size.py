"""The ad provider's answer has the size and shape that the recommender accepts, whatever is in the catalogue."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from catalog.models import Product
from catalog.repository import AD_TEXT
from catalog.rules import MAX_ADS_BYTES
from recommender_site import ad_client
from tests.campaigns.sponsors import ad, campaign

pytestmark = pytest.mark.django_db
SHAPE = set(ad_client.AD_SHAPE)


def product(number: int, letter: str) -> Product:
    """Return a product of the largest size that the catalogue accepts."""
    return Product(
        asin=f"P{number}".ljust(32, "X"),
        title=letter * 1000,
        description=letter * 100_000,
        im_url="https://shop.example/".ljust(2000, "x"),
        related={f"kind {n}": [f"P{m}" for m in range(200)] for n in range(20)},
        sales_rank={letter * 190 + str(n): n for n in range(200)},
        categories=["Pens", *[letter * 190 + str(n) for n in range(19)]],
        leaf_category="Pens",
        brand=letter * 200,
    )


def ask(client: Client, **context: Any) -> list[dict[str, Any]]:
    response = client.post("/ads", context, content_type="application/json")
    assert (response.status_code, response["X-Data-Source"]) == (200, "live")
    assert len(response.content) <= MAX_ADS_BYTES
    found = ad_client._parse(response.content)  # raises for an answer that the recommender refuses
    assert all(set(each) == SHAPE for each in found)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["x", "é", "😀", '"', "\x01"])
def test_an_answer_is_small_enough_for_large_products(client: Client, letter: str) -> None:
    Product.objects.bulk_create([product(number, letter) for number in range(110)], batch_size=10)
    found = ask(client, limit=100)
    assert 20 <= len(found) <= 100
    assert {len(each["description"]) for each in found} == {AD_TEXT}


def test_sponsored_ads_fit_too_and_come_first(client: Client) -> None:
    Product.objects.bulk_create([product(number, "😀") for number in range(40)], batch_size=10)
    for number in range(20):
        ad(campaign(f"Campaign {number}"), f"P{number}".ljust(32, "X"), "keyword pen")
    found = ask(client, limit=100, keywords=["pen"])
    assert [each["sponsored"] for each in found[:20]] == [True] * 20
    assert found[0]["description"] == "😀" * AD_TEXT


def test_a_short_text_is_shown_whole(client: Client) -> None:
    Product.objects.create(asin="PEN", title="Gel pen", description="Writes.", categories=["Office", "Pens"])
    (found,) = ask(client, limit=1)
    assert (found["title"], found["description"]) == ("Gel pen", "Writes.")
    assert (found["categories"], found["related"], found["salesRank"]) == (["Office", "Pens"], {}, {})


@pytest.mark.parametrize("stored", ["null", "7", '"Pens"', '{"a": []}', '["Pens", 1, null, ["x"]]'])
def test_json_of_another_shape_does_not_reach_the_recommender(client: Client, stored: str) -> None:
    Product.objects.create(asin="PEN")
    with connection.cursor() as cursor:
        columns = "categories = %s, related = %s, sales_rank = %s"
        cursor.execute(f"UPDATE catalog_product SET {columns}", [stored, stored, stored])
    (found,) = ask(client, limit=1)
    assert found["categories"] in ([], ["Pens"])


def test_explain_covers_a_limited_number_of_candidates(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    monkeypatch.setattr("campaigns.serializers.MAX_EXPLAINED", 5)
    for number in range(8):
        ad(campaign(f"Campaign {number}"), f"P{number}", "keyword pen")
    client.force_login(django_user_model.objects.create_superuser("boss"))
    context = {"keywords": ["pen"], "limit": 3, "explain": True}
    candidates = client.post("/ads", context, content_type="application/json").json()["candidates"]
    assert [each["outcome"] for each in candidates] == ["won place 1", "won place 2", "won place 3", *["outranked"] * 2]

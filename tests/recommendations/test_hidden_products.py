"""Products that are not listed, out of stock or deleted are in no list, whatever the source of the answer."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from catalog.models import Product, Withdrawal
from catalog.withdrawals import withdrawals
from recommendations.models import MerchandisingRule
from resilience import fallback

pytestmark = pytest.mark.django_db(transaction=True)

LISTS = [
    "/products/PEN0/recommendations?limit=40",
    "/products/CHAIR7/recommendations?limit=5",
    "/products/PEN0/recommendations?category=Pens",
    "/reviewers/p0-0/recommendations?limit=40",
    "/reviewers/p0-0/recommendations?limit=40&include_seen=true&diverse=false",
    "/reviewers/nobody/recommendations?limit=40",
    "/recommendations/popular?limit=40",
    "/recommendations/popular?category=Furniture",
]
BASKET = {"asins": ["PEN0", "CHAIR7"], "limit": 40}
CATALOGUE = "/products?limit=50"


@pytest.fixture(autouse=True)
def nothing_withdrawn() -> None:
    """On SQLite, to clear the tables after another test deletes its products."""
    Withdrawal.objects.all().delete()


def answers(client: Client, source: str) -> Iterator[tuple[str, set[str]]]:
    """Each list with its asins. Asserts that all come from ``source``."""
    for path in [*LISTS, CATALOGUE, "/recommendations"]:
        is_basket = path == "/recommendations"
        response = client.post(path, BASKET, "application/json") if is_basket else client.get(path)
        assert response["X-Data-Source"] == source, path
        yield path, {each["asin"] for each in response.json()}


def hide(asins: set[str], how: str) -> None:
    """As another process does it."""
    chosen = Product.objects.filter(asin__in=asins)
    if how == "deleted":
        chosen.delete()
    else:
        chosen.update(**{how: False})
    withdrawals.read()  # what a background thread does all the time


@pytest.mark.slow
@pytest.mark.parametrize("how", ["is_listed", "in_stock", "deleted"])
@pytest.mark.parametrize("seed", range(3))
def test_a_withdrawn_product_is_in_no_list_live_stale_or_default(
    how: str, seed: int, client: Client, shop: None, lose_database: Callable[[], None]
) -> None:
    asins = set(Product.objects.values_list("asin", flat=True))
    hidden = set(random.Random(seed).sample(sorted(asins - {"PEN0", "CHAIR7"}), 12))

    for product in Product.objects.filter(asin__in=sorted(hidden)[:3]):
        MerchandisingRule.objects.create(product=product, action="pin")

    def check(source: str) -> None:
        for path, found in answers(client, source):
            gone = hidden if how != "in_stock" or path != CATALOGUE else set()  # still listed
            assert not found & gone, path
            assert source == "default" or found, path

    before = dict(answers(client, "live"))
    assert set().union(*before.values()) == asins
    hide(hidden, how)
    lose_database()
    check("stale")
    fallback.stale_cache.clear()
    check("default")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["is_listed", "in_stock"])
@pytest.mark.parametrize("is_built", [True, False])
def test_live_lists_have_nothing_that_is_hidden(how: str, is_built: bool, client: Client, shop: None) -> None:
    hidden = {f"PEN{number}" for number in range(1, 10, 2)} | {f"CHAIR{number}" for number in range(15)}
    hide(hidden, how)
    if is_built:
        call_command("build_recommendations", verbosity=0)
    for path, found in answers(client, "live"):
        assert not found & (hidden if how == "is_listed" or path != CATALOGUE else set()), path
        assert found


def test_a_product_that_comes_back_is_in_lists_again(
    client: Client, shop: None, lose_database: Callable[[], None]
) -> None:
    path = "/recommendations/popular?limit=40"

    def listed() -> bool:
        found: list[dict[str, Any]] = client.get(path).json()
        return "CHAIR7" in {each["asin"] for each in found}

    assert listed()
    hide({"CHAIR7"}, "is_listed")
    assert not listed()
    Product.objects.filter(asin="CHAIR7").update(is_listed=True)
    assert listed()


def test_a_product_that_is_not_listed_has_its_page_and_recommendations(client: Client, shop: None) -> None:
    hide({"PEN0"}, "is_listed")
    product = client.get("/products/PEN0").json()
    assert (product["listed"], product["in_stock"]) == (False, True)
    assert client.get("/products/PEN0/recommendations").json()

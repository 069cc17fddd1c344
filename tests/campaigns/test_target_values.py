"""Suggestions while a user types a target."""

from typing import Any

import pytest
from django.test import Client

from campaigns.admin import target_values
from campaigns.models import Event, SponsoredProduct, Target
from catalog.models import Product
from catalog.rules import MAX_ASIN
from tests.campaigns import sponsors
from tests.campaigns.test_admin import ADMIN, someone
from tests.campaigns.test_tracking import BROWSER, ask, path

URL = f"{ADMIN}sponsoredproduct/values/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> None:
    Product.objects.create(asin="PEN1", title="Gel pen", categories=["Office", "Gel Pens"])
    Product.objects.create(asin="PEN2", title="Ballpoint", categories=["Office", "Ballpoint Pens"])
    Product.objects.create(asin="INK", title="Ink for a pen", categories=[])


def asked(client: Client, **query: str) -> Any:
    response = client.get(URL, query)
    assert response.status_code == 200
    return [(each["value"], each["label"]) for each in response.json()["values"]]


def test_products_are_found_by_asin_and_title(staff: Client, shop: None) -> None:
    assert asked(staff, kind="product", text="PEN") == [
        ("INK", "Ink for a pen"),
        ("PEN1", "Gel pen"),
        ("PEN2", "Ballpoint"),
    ]
    assert asked(staff, kind="product", text="ballp") == [("PEN2", "Ballpoint")]


def test_leaf_and_parent_categories_are_found(staff: Client, shop: None) -> None:
    assert asked(staff, kind="category", text="pens") == [("Ballpoint Pens", ""), ("Gel Pens", "")]
    assert asked(staff, kind="category", text="off") == [("Office", "")]


def test_a_keyword_is_normalised_in_the_form(staff: Client) -> None:
    assert asked(staff, kind="keyword", text="  Gel  PEN Maße") == [("gel pen masse", "")]


@pytest.mark.parametrize(
    ("stored", "searched"),
    [("cafe\u0301", "CAF\u00c9"), ("gel pen", "\uff27\uff45\uff4c\u3000pen"), ("gel\u200bpen", "gel\u00adpen")],
)
def test_a_keyword_matches_whatever_the_unicode_form(client: Client, stored: str, searched: str) -> None:
    ad = sponsors.ad(sponsors.campaign(), "PEN", "category Pens")
    Target.objects.bulk_create(
        [Target(ad=ad, kind="keyword", value=stored, bid=500_000)]
    )  # as an earlier release stored it
    (found,) = ask(client, keywords=[searched])
    assert found["asin"] == "PEN"
    assert found["sponsored"]


def test_a_product_with_the_longest_asin_is_a_target_like_any_other(client: Client, staff: Client) -> None:
    asin = "x" * MAX_ASIN
    Product.objects.create(asin=asin)
    ad = sponsors.ad(sponsors.campaign(), "PEN", "-keyword red")
    target = {"targets-0-kind": "product", "targets-0-value": asin, "targets-0-bid": "0.10"}
    sent = {"targets-TOTAL_FORMS": 1, "targets-INITIAL_FORMS": 0} | target
    assert staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", sent).status_code == 302
    (found,) = ask(client, asin=asin)
    client.get(path(found["impression_url"]), headers=BROWSER)
    assert Event.objects.get().target == f"product {asin}"


def test_an_empty_keyword_is_refused(staff: Client, ad: SponsoredProduct) -> None:
    target = {"targets-0-kind": "keyword", "targets-0-value": "\u200b", "targets-0-bid": "0.10"}
    sent = {"targets-TOTAL_FORMS": 1, "targets-INITIAL_FORMS": 0} | target
    assert staff.post(f"{ADMIN}sponsoredproduct/{ad.pk}/change/", sent).status_code == 200
    assert not Target.objects.exists()


def test_suggestions_are_limited(staff: Client) -> None:
    Product.objects.bulk_create(Product(asin=f"P{n}", leaf_category=f"C{n}", categories=[f"C{n}"]) for n in range(50))
    for kind, text in (("product", "P"), ("category", "c")):
        assert len(asked(staff, kind=kind, text=text)) == target_values.OFFERED


@pytest.mark.parametrize("query", [{}, {"kind": "brand", "text": "x"}, {"kind": "keyword", "text": "x" * 256}])
def test_invalid_input_is_refused(staff: Client, query: dict[str, str]) -> None:
    response = staff.get(URL, query)
    assert response.status_code == 400
    assert response.json()["errors"]


def test_it_needs_the_permission_to_change_ads(client: Client) -> None:
    assert client.get(URL)["Location"].startswith("/admin/login/")
    assert someone(client, "view_sponsoredproduct").get(URL, {"kind": "keyword", "text": "x"}).status_code == 403


def test_the_page_of_an_ad_says_where_to_ask(staff: Client, ad: SponsoredProduct) -> None:
    page = staff.get(f"{ADMIN}sponsoredproduct/{ad.pk}/change/").content.decode()
    assert f'data-offered="{URL}"' in page
    assert "campaigns/targets.js" in page

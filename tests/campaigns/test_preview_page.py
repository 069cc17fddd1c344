"""The ad preview of the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from campaigns.choice import Snapshot
from campaigns.models import Event
from campaigns.snapshot import refresher
from catalog.models import Product
from tests.campaigns import sponsors
from tests.campaigns.test_admin import LIST, someone, text

pytestmark = pytest.mark.django_db


def test_the_preview_shows_the_outcome_of_each_candidate(staff: Client) -> None:
    Product.objects.create(asin="PAD", title="Pad", categories=["Office", "Pens"])
    sponsors.ad(sponsors.campaign("Pens"), "PEN", "category Pens", bid=400_000)
    sponsors.ad(sponsors.campaign("Paused", status="paused"), "INK", "category Pens")
    page = text(staff.get(f"{LIST}preview/?asin=PAD&limit=5"))
    assert "won place 1 PEN Pens (Quill &amp; Co) category Pens 0.40" in page
    assert "paused INK Paused" in page
    assert "No ad has a target that matches this page." in text(staff.get(f"{LIST}preview/?keywords=nothing"))
    assert not Event.objects.exists()


def test_an_ad_without_an_available_product_is_explained(staff: Client) -> None:
    sponsors.ad(sponsors.campaign("Pens"), "PEN", "keyword gel pen")
    Product.objects.filter(asin="PEN").update(in_stock=False)
    page = text(staff.get(f"{LIST}preview/?keywords=gel+pen"))
    assert "its product is deleted, not listed or out of stock PEN Pens" in page


def test_an_unknown_product_is_named(staff: Client) -> None:
    assert "No product has this asin." in text(staff.get(f"{LIST}preview/?asin=GONE"))


def test_a_change_is_shown_at_once(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresher, "latest", lambda: Snapshot({}, {}))  # as it was before
    sponsors.ad(sponsors.campaign("Pens"), "PEN", "keyword gel pen")
    page = text(staff.get(f"{LIST}preview/?keywords=blue+gel+pen"))
    assert "won place 1 PEN" in page
    assert "Score per 1,000 impressions (USD)" in page
    assert " 15.84 " in page  # 0.50 * 0.8 * 0.0396, for 1,000


def test_the_old_address_leads_to_the_new_one(staff: Client) -> None:
    assert staff.get(f"{LIST}trial/?asin=PEN")["Location"] == f"{LIST}preview/?asin=PEN"


def test_the_list_of_campaigns_links_to_the_preview(staff: Client) -> None:
    assert f'href="{LIST}preview/"' in staff.get(LIST).content.decode()


@pytest.mark.parametrize(("query", "said"), [("limit=0", "greater than or equal to 1"), ("asin=A%20B", "valid value")])
def test_invalid_input_is_reported(staff: Client, query: str, said: str) -> None:
    page = staff.get(f"{LIST}preview/?{query}")
    assert page.status_code == 200
    assert said in text(page)


def test_it_needs_the_permission_to_view_campaigns(client: Client) -> None:
    assert client.get(f"{LIST}preview/")["Location"].startswith("/admin/login/")
    clerk = someone(client, "view_advertiser")
    assert clerk.get(f"{LIST}preview/?asin=PEN").status_code == 403
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_campaign"))
    assert clerk.get(f"{LIST}preview/?asin=PEN").status_code == 200


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        ({"daily_budget": 300_000}, "0.50 lowered to 0.30 by what is left of the daily budget"),
        ({"total_budget": 310_000}, "0.50 lowered to 0.31 by what is left of the total budget"),
        ({"pacing": "even", "daily_budget": 1_000_000}, "by even pacing"),
    ],
)
def test_the_preview_says_why_a_bid_was_lowered(staff: Client, budgets: dict[str, Any], said: str) -> None:
    starts = {"starts": sponsors.in_days(-0.001), "ends": sponsors.in_days(0.2)} if "pacing" in budgets else {}
    sponsors.ad(sponsors.campaign("Pens", **budgets | starts), "PEN", "category Pens")
    page = text(staff.get(f"{LIST}preview/?categories=Pens"))
    assert "won place 1" in page
    assert said in page
    assert "Bid (USD)" in page

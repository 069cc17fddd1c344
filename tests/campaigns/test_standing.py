"""The lists show the actual state of campaigns and ads, not only their status."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from campaigns import standing
from campaigns.models import MICROS, Campaign, Day, SponsoredProduct
from catalog.models import Product
from tests.campaigns import sponsors
from tests.campaigns.test_admin import ADMIN, LIST, text

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date()


def now(campaign: Campaign) -> Any:
    return standing.campaigns_at(Campaign.objects.filter(pk=campaign.pk), timezone.now()).get()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "spent_today", "expected"),
    [
        ({}, 0, "running"),
        ({"ends": sponsors.in_days(1)}, 0, "running"),
        ({"status": "paused"}, 0, "paused"),
        ({"status": "ended"}, 0, "ended"),
        ({"ends": sponsors.in_days(-1)}, 0, "ended"),
        ({"ends": sponsors.in_days(-1), "status": "paused"}, 0, "ended"),
        ({"starts": sponsors.in_days(1)}, 0, "scheduled"),
        ({"starts": sponsors.in_days(1), "status": "paused"}, 0, "paused"),
        ({"total_budget": 5 * MICROS, "spent": 4_990_001}, 0, "out of budget"),
        ({"total_budget": 5 * MICROS, "spent": 4_990_000}, 0, "running"),
        ({}, 9_990_001, "out of budget"),
        ({}, 9_990_000, "running"),
        ({"daily_budget": 0}, 0, "out of budget"),
    ],
)
def test_the_state_follows_from_status_dates_and_budgets(
    staff: Client, fields: dict[str, Any], spent_today: int, expected: str
) -> None:
    campaign = sponsors.campaign(**fields)
    if spent_today:
        Day.objects.create(campaign=campaign, day=TODAY, budget=10 * MICROS, spent=spent_today)
    assert now(campaign).standing == expected
    assert f"Pens Quill &amp; Co {expected}" in text(staff.get(LIST))
    assert "Pens Quill" in text(staff.get(f"{LIST}?now={expected}"))
    other = "paused" if expected != "paused" else "running"
    assert "0 campaigns" in text(staff.get(f"{LIST}?now={other}"))


def test_a_campaign_that_cannot_show_anything_says_why(staff: Client) -> None:
    campaign = sponsors.campaign()
    assert standing.why_not_shown(now(campaign)) == "it has no ads"
    gone = SponsoredProduct.objects.create(campaign=campaign, product_id="GONE")
    assert standing.why_not_shown(now(campaign)) == "the products of its ads are deleted, not listed or out of stock"
    pen = sponsors.ad(campaign, "PEN", "-keyword red")
    gone.delete()
    assert standing.why_not_shown(now(campaign)) == "its ads have no target"
    assert "its ads have no target" in text(staff.get(LIST))
    sponsors.ad(campaign, "INK", "keyword ink", bid=9_999)  # below the floor
    assert standing.why_not_shown(now(campaign)) == "its ads have no target"
    pen.targets.create(kind="keyword", value="pen", bid=10_000)
    assert standing.why_not_shown(now(campaign)) == "1 of 2 ads cannot be shown"
    Product.objects.filter(asin="PEN").delete()
    assert standing.why_not_shown(now(campaign)) == "no ad has a target and an available product"


def test_an_ad_that_too_few_people_click_says_so(staff: Client) -> None:
    """300 impressions without a click are enough for a leaf category, and 350 for a keyword."""
    campaign = sponsors.campaign()
    ad = sponsors.ad(campaign, "PEN", "category Pens", impressions=299)
    page = text(staff.get(f"{ADMIN}sponsoredproduct/"))
    assert "Not shown" not in page
    assert standing.why_not_shown(now(campaign)) == ""
    SponsoredProduct.objects.update(impressions=301)
    assert "Not shown: too few people click it." in text(staff.get(f"{ADMIN}sponsoredproduct/"))
    assert standing.why_not_shown(now(campaign)) == "too few people click its ads"
    ad.targets.create(kind="keyword", value="pen", bid=500_000)
    assert standing.why_not_shown(now(campaign)) == ""


def test_its_own_product_is_no_target(staff: Client) -> None:
    campaign = sponsors.campaign()
    sponsors.ad(campaign, "PEN", "product PEN")
    assert standing.why_not_shown(now(campaign)) == "its ads have no target"
    sponsors.ad(campaign, "INK", "product PEN")
    assert standing.why_not_shown(now(campaign)) == "1 of 2 ads cannot be shown"


def test_an_ad_says_why_it_is_not_shown_and_leads_to_its_targets(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = sponsors.campaign()
    ads = [sponsors.ad(campaign, f"PEN{n}", "-keyword red") for n in range(10)]
    sponsors.ad(campaign, "INK", "keyword ink", "-category Toys", bid=500_000)
    SponsoredProduct.objects.create(campaign=campaign, product_id="GONE")
    for url in (f"{ADMIN}sponsoredproduct/", f"{LIST}{campaign.pk}/change/"):
        with django_assert_max_num_queries(18):
            page = staff.get(url)
        assert "Not shown: it has no target. not keyword red edit targets" in text(page)
        assert "Not shown: its product is deleted, not listed or out of stock. add targets" in text(page)
        assert "keyword ink 0.50, not category Toys edit targets" in text(page)
        assert f'href="{ADMIN}sponsoredproduct/{ads[0].pk}/change/#targets-group"' in page.content.decode()


def test_the_list_names_the_moments_of_the_start_and_the_end(staff: Client) -> None:
    sponsors.campaign(starts=datetime(2099, 1, 2, 18, tzinfo=UTC), ends=datetime(2099, 2, 3, tzinfo=UTC))
    assert "scheduled from 2099-01-02 18:00 to 2099-02-03 00:00" in text(staff.get(LIST))

"""The history of the demo is consistent."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from campaigns import reports
from campaigns.demo.campaigns import make_advertisers, make_campaigns
from campaigns.demo.history import make_history
from campaigns.models import (
    MICROS,
    Advertiser,
    Campaign,
    DailyFigures,
    Day,
    Event,
    Kind,
    SponsoredProduct,
    Target,
    Unbilled,
)
from catalog.demo.products import make_products
from catalog.models import Product

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def shop() -> list[Product]:
    return Product.objects.bulk_create(each.product for each in make_products(random.Random(1), 300, "http://x"))


def seed(*words: str) -> str:
    out = StringIO()
    call_command("seed_campaigns", *words, stdout=out)
    return out.getvalue().strip()


def test_it_adds_up(shop: list[Product], django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(100):
        assert seed().startswith("12 advertisers, 30 campaigns, ")
    assert reports.differences() == []
    total = reports.total(reports.by_day().values())
    counted = SponsoredProduct.objects.aggregate(Sum("impressions"), Sum("clicks"))
    assert (total.impressions, total.clicks) == (counted["impressions__sum"], counted["clicks__sum"])
    assert total.clicks > 200
    assert total.spent == Campaign.objects.aggregate(spent=Sum("spent"))["spent"] > 0
    assert Event.objects.exists()
    assert DailyFigures.objects.exists()


def test_the_demo_has_campaigns_of_every_kind(shop: list[Product]) -> None:
    seed()
    now = timezone.now()
    campaigns = list(Campaign.objects.all())
    assert set(Counter(campaign.status for campaign in campaigns)) == set(Campaign.Status.values)
    assert {campaign.pacing for campaign in campaigns} == set(Campaign.Pacing.values)
    assert {campaign.viewer_limit is None for campaign in campaigns} == {True, False}
    to_come = [campaign for campaign in campaigns if campaign.starts > now]
    assert to_come
    assert not any(campaign.spent for campaign in to_come)
    assert 150 <= SponsoredProduct.objects.count() <= 250
    kinds = set(Target.objects.values_list("kind", "negative"))
    assert kinds == {(kind, negative) for kind in Target.Kind.values for negative in (True, False)}
    bids = [bid for bid in Target.objects.filter(negative=False).values_list("bid", flat=True) if bid is not None]
    assert min(bids) >= 50_000
    assert max(bids) <= 1_200_000
    assert not Unbilled.objects.filter(count=0).exists()
    assert Unbilled.objects.filter(reason="budget").exists()


def test_nothing_happened_in_the_future_or_outside_of_a_campaign(shop: list[Product]) -> None:
    seed()
    now = timezone.now()
    ends = {pk: (starts, over or now) for pk, starts, over in Campaign.objects.values_list("pk", "starts", "ends")}
    for event in Event.objects.all():
        starts, over = ends[event.campaign_id]
        assert starts <= event.at <= min(over, now)
        assert event.at.date() == event.day
    for figures in DailyFigures.objects.all():
        starts, over = ends[figures.campaign_id]
        assert starts.date() <= figures.day <= over.date()
    first = min(Day.objects.values_list("day", flat=True))
    assert now.date() - timedelta(days=14) < first < now.date() - timedelta(days=9)


@pytest.mark.usefixtures("short_history")
def test_a_click_costs_no_more_than_its_ad_bids(shop: list[Product]) -> None:
    seed()
    bids: dict[int, int] = {}
    for ad, bid in Target.objects.filter(negative=False).values_list("ad", "bid"):
        bids[ad] = max(bids.get(ad, 0), bid or 0)
    clicks = Event.objects.filter(kind=Kind.CLICK)
    assert clicks
    assert all(0 < click.price <= bids[click.ad_id] for click in clicks)


@pytest.mark.usefixtures("short_history")
def test_in_a_currency_without_decimals_bids_and_prices_are_whole(shop: list[Product], settings: Any) -> None:
    settings.CURRENCY = "JPY"
    seed()
    bids = set(Target.objects.filter(negative=False).values_list("bid", flat=True))
    prices = set(Event.objects.filter(kind=Kind.CLICK).values_list("price", flat=True))
    assert bids
    assert prices
    assert all(each and each % MICROS == 0 for each in bids | prices)
    assert reports.differences() == []


@pytest.mark.usefixtures("short_history")
def test_one_seed_makes_one_history_and_another_another() -> None:
    products = [each.product for each in make_products(random.Random(1), 100, "http://x")]

    def made(seed: int) -> list[Any]:
        rng, now = random.Random(seed), datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
        plans = make_campaigns(rng, make_advertisers(rng, products), products, now)
        history = make_history(rng, plans, now)
        return [(event.decision, event.ad.product_id, event.at, event.price) for event in history.events]

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.mark.usefixtures("short_history")
def test_there_is_a_history_a_minute_after_midnight() -> None:
    products = [each.product for each in make_products(random.Random(1), 100, "http://x")]
    rng, now = random.Random(1), datetime(2026, 3, 1, 0, 1, tzinfo=UTC)
    plans = make_campaigns(rng, make_advertisers(rng, products), products, now)
    history = make_history(rng, plans, now)
    assert history.events
    assert max(event.at for event in history.events) <= now


@pytest.mark.usefixtures("short_history")
def test_one_bare_product_is_enough_for_a_demo() -> None:
    Product.objects.create(asin="LONELY")
    assert seed().startswith("12 advertisers, 30 campaigns, 30 ads, ")
    assert reports.differences() == []


def test_without_products_it_refuses() -> None:
    with pytest.raises(CommandError, match=r"^there are no products to advertise; seed_demo makes some$"):
        seed()


def test_existing_campaigns_and_advertisers_are_not_changed(shop: list[Product]) -> None:
    """An existing advertiser has the name of a demo advertiser."""
    advertiser = Advertiser.objects.create(name="x")
    for campaigns in range(2):
        assert seed("--if-empty") == "There are advertisers already; nothing was seeded."
        with pytest.raises(CommandError, match="there are advertisers already"):
            seed()
        assert Campaign.objects.count() == campaigns
        Campaign.objects.create(advertiser=advertiser, name=f"{campaigns}", daily_budget=1, total_budget=1)


@pytest.mark.usefixtures("short_history")
def test_a_dry_run_writes_nothing(shop: list[Product]) -> None:
    assert seed("--dry-run").startswith("Nothing was written. 12 advertisers")
    assert not Advertiser.objects.exists()
    assert not Event.objects.exists()

"""Events count once and within the budgets, also when they are simultaneous."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.db.models import ProtectedError, Sum

from campaigns import charging
from campaigns.charging import APART, CLIENT_CLICKS, charge
from campaigns.decisions import Decision
from campaigns.models import Campaign, Day, Event, Kind, Reason, SponsoredProduct, Unbilled
from tests.campaigns import sponsors
from tests.campaigns.sponsors import click, happen

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unprotected_queries")]
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def ad() -> SponsoredProduct:
    return sponsors.ad(sponsors.campaign(daily_budget=1_000_000, total_budget=2_500_000), "PEN", "category Pens")


def decided(ad: SponsoredProduct, number: int = 1, **fields: Any) -> Decision:
    given: dict[str, Any] = {"price": 300_000, "position": 1, "placement": "top", "viewer": ""} | fields
    return Decision(id=f"decision-{number}", ad=ad.pk, campaign=ad.campaign_id, asin="PEN", **given)


def eight_at_once(ad: SponsoredProduct, viewer: str = "") -> list[Reason | None]:
    """Return the outcomes of clicks of different decisions."""
    begin = threading.Barrier(8)

    def click_once(number: int) -> Reason | None:
        try:
            connection.ensure_connection()
            begin.wait(10)
            return click(decided(ad, number, price=10_000, viewer=viewer), NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(click_once, range(8)))


def spent(ad: SponsoredProduct) -> tuple[int, int, int]:
    """Return the spend of the campaign, of the days and of the ledger."""
    total = Campaign.objects.get(pk=ad.campaign_id).spent
    days = Day.objects.aggregate(spent=Sum("spent", default=0))
    ledger = Event.objects.aggregate(spent=Sum("price", default=0))
    return total, days["spent"], ledger["spent"]


def test_a_click_is_charged_once(ad: SponsoredProduct) -> None:
    assert click(decided(ad), NOW) is None
    for _ in range(3):
        assert click(decided(ad), NOW) is Reason.REPEATED
    assert click(decided(ad, 2), NOW) is None
    assert spent(ad) == (600_000, 600_000, 600_000)
    ad.refresh_from_db()
    assert (ad.clicks, ad.impressions) == (2, 0)
    event = Event.objects.latest("pk")
    assert (event.position, event.placement, event.day, event.price) == (1, "top", NOW.date(), 300_000)


def test_an_impression_counts_once_and_costs_nothing(ad: SponsoredProduct) -> None:
    assert charge(Kind.IMPRESSION, decided(ad), NOW) is None
    assert charge(Kind.IMPRESSION, decided(ad), NOW) is Reason.REPEATED
    assert click(decided(ad), NOW) is None
    ad.refresh_from_db()
    assert (ad.clicks, ad.impressions) == (1, 1)
    assert spent(ad) == (300_000, 300_000, 300_000)


def test_the_ledger_is_neither_edited_nor_deleted(ad: SponsoredProduct) -> None:
    click(decided(ad), NOW)
    event = Event.objects.get()
    event.price = 0
    with pytest.raises(ValidationError, match="cannot be edited"):
        event.save()
    with pytest.raises(ValidationError, match="cannot be deleted"):
        event.delete()
    for owner in (ad, ad.campaign, ad.campaign.advertiser):
        with pytest.raises(ProtectedError):
            owner.delete()
    assert spent(ad) == (300_000, 300_000, 300_000)


def test_no_day_and_no_campaign_is_overspent(ad: SponsoredProduct) -> None:
    outcomes = [click(decided(ad, n), NOW) for n in range(5)]
    assert outcomes == [None, None, None, Reason.BUDGET, Reason.BUDGET]
    assert click(decided(ad, 5, price=100_000), NOW) is None  # the rest of the budget is enough for this one
    tomorrow = NOW + timedelta(days=1)
    outcomes = [click(decided(ad, 10 + n), tomorrow) for n in range(4)]
    assert outcomes == [None, None, None, Reason.BUDGET]
    outcomes = [click(decided(ad, 20 + n), NOW + timedelta(days=2)) for n in range(3)]
    assert outcomes == [None, None, Reason.BUDGET]  # of the total 600,000 were left
    assert spent(ad) == (2_500_000, 2_500_000, 2_500_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "paused"},
        {"status": "ended"},
        {"starts": NOW + timedelta(seconds=1)},
        {"ends": NOW},
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_a_campaign_that_does_not_run_pays_nothing(ad: SponsoredProduct, fields: dict[str, Any], kind: Kind) -> None:
    Campaign.objects.update(**fields)
    assert happen(kind, decided(ad), NOW) is Reason.INACTIVE
    assert spent(ad) == (0, 0, 0)
    Campaign.objects.update(status="active", starts=NOW, ends=None)
    assert happen(kind, decided(ad), NOW) is None


@pytest.mark.parametrize("kind", Kind)
def test_an_event_of_a_deleted_ad_is_inactive(ad: SponsoredProduct, kind: Kind) -> None:
    Day.objects.create(campaign=ad.campaign, day=NOW.date(), budget=1_000_000)
    shown = decided(ad)
    ad.delete()
    assert charge(kind, shown, NOW) is Reason.INACTIVE
    ad.campaign.days.all().delete()
    ad.campaign.delete()
    assert charge(kind, shown, NOW) is Reason.INACTIVE


def test_a_viewer_is_billed_for_a_few_clicks_a_day(ad: SponsoredProduct) -> None:
    Campaign.objects.update(viewer_limit=2)
    mine: dict[str, Any] = {"viewer": "somebody", "price": 10_000}
    clicks = [click(decided(ad, n, **mine), NOW) for n in range(CLIENT_CLICKS + 2)]
    assert clicks == [None] * CLIENT_CLICKS + [Reason.VIEWER] * 2
    shown = [charge(Kind.IMPRESSION, decided(ad, 50 + n, **mine), NOW + n * APART) for n in range(3)]
    assert shown == [None, None, Reason.VIEWER]
    assert click(decided(ad, 100, viewer="another", price=10_000), NOW) is None
    assert click(decided(ad, 101, **mine), NOW + timedelta(days=1)) is None


def test_unbilled_events_are_counted_by_reason() -> None:
    of = sponsors.campaign()
    for campaign in (of.pk, of.pk, None, None, None, of.pk + 1000):
        charging.count_unbilled(Kind.CLICK, campaign, NOW, Reason.SIGNATURE)
    charging.count_unbilled(Kind.CLICK, of.pk, NOW, Reason.BUDGET)
    found = Unbilled.objects.values_list("campaign", "reason", "count")
    assert set(found) == {(of.pk, "signature", 2), (None, "signature", 4), (of.pk, "budget", 1)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_the_first_clicks_of_a_day_may_come_at_once(ad: SponsoredProduct) -> None:
    assert eight_at_once(ad) == [None] * 8


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_a_viewer_who_clicks_many_times_at_once_is_billed_for_a_few(ad: SponsoredProduct) -> None:
    assert eight_at_once(ad, viewer="somebody").count(None) == CLIENT_CLICKS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_simultaneous_clicks_are_charged_within_the_budget(ad: SponsoredProduct) -> None:
    def click_once(number: int) -> Reason | None:
        try:
            return click(decided(ad, number // 2, price=70_000), NOW)  # each decision twice
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(click_once, range(80)))
    assert outcomes.count(None) == 14
    assert spent(ad) == (980_000, 980_000, 980_000)


@pytest.mark.parametrize(("late", "reason"), [(-1, None), (0, Reason.INACTIVE)])
@pytest.mark.parametrize("kind", Kind)
def test_a_campaign_ends_at_its_end_time(ad: SponsoredProduct, kind: Kind, late: int, reason: Reason | None) -> None:
    Campaign.objects.update(ends=NOW - timedelta(microseconds=late))
    assert happen(kind, decided(ad), NOW) is reason


def test_the_ad_of_the_decision_is_charged(ad: SponsoredProduct) -> None:
    sponsors.ad(ad.campaign, "INK", "category Pens")
    sponsors.ad(sponsors.campaign("Ink"), "INK")
    for kind in Kind:
        assert happen(kind, decided(ad), NOW) is None
    assert set(Event.objects.values_list("ad", "campaign")) == {(ad.pk, ad.campaign_id)}
    assert Event.objects.count() == 2
    assert {(other.clicks, other.impressions) for other in SponsoredProduct.objects.exclude(pk=ad.pk)} == {(0, 0)}
    assert set(Campaign.objects.values_list("name", "spent")) == {("Pens", 300_000), ("Ink", 0)}


def test_viewer_limits_are_per_campaign(ad: SponsoredProduct) -> None:
    other = sponsors.ad(sponsors.campaign("Ink", viewer_limit=1), "INK", "category Pens")
    Campaign.objects.update(viewer_limit=1)
    for number in range(CLIENT_CLICKS):
        assert click(decided(ad, number, price=1000, viewer="v"), NOW) is None
    assert charge(Kind.IMPRESSION, decided(ad, 50, viewer="v"), NOW) is None
    for number, kind in enumerate(Kind, 98):
        assert happen(kind, decided(ad, number, price=1000, viewer="v"), NOW) is Reason.VIEWER
        assert happen(kind, decided(other, number, price=1000, viewer="v"), NOW) is None


def test_impressions_do_not_use_up_clicks(ad: SponsoredProduct) -> None:
    Campaign.objects.update(viewer_limit=2)
    assert charge(Kind.IMPRESSION, decided(ad, viewer="v"), NOW) is None
    for number in range(CLIENT_CLICKS):
        assert click(decided(ad, number, price=1000, viewer="v"), NOW) is None
    assert charge(Kind.IMPRESSION, decided(ad, 99, viewer="v"), NOW + APART) is None


def test_the_budget_of_another_day_does_not_matter(ad: SponsoredProduct) -> None:
    yesterday = NOW - timedelta(days=1)
    assert click(decided(ad, 1), yesterday) is None
    for number in range(2, 5):
        assert click(decided(ad, number), NOW) is None
    assert click(decided(ad, 5), NOW) is Reason.BUDGET
    assert click(decided(ad, 6), yesterday) is None
    assert set(Day.objects.values_list("day", "spent")) == {(yesterday.date(), 600_000), (NOW.date(), 900_000)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", Kind)
def test_a_failure_in_the_middle_leaves_nothing(ad: SponsoredProduct, kind: Kind) -> None:
    assert click(decided(ad, 1), NOW) is None
    before = (spent(ad), Event.objects.count())

    def fail(run: Any, sql: str, *rest: Any) -> None:
        run(sql, *rest)
        if "UPDATE campaigns_sponsoredproduct" in sql:
            raise OperationalError("the connection is lost")

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        happen(kind, decided(ad, 2), NOW)
    assert (spent(ad), Event.objects.count()) == before

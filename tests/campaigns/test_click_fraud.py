"""Calling URLs can neither empty a budget nor ruin a rival's click rate."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from campaigns import choice, tracking
from campaigns.charging import APART, CLIENT_CLICKS, CLIENT_SHOWN, charge
from campaigns.decisions import Decision
from campaigns.models import Campaign, Day, Event, Kind, LastImpression, Reason, Shown, SponsoredProduct, Target, Viewer
from tests.campaigns import sponsors
from tests.campaigns.sponsors import click
from tests.campaigns.test_tracking import BROWSER, ask, path, unbilled

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def ad() -> SponsoredProduct:
    return sponsors.ad(sponsors.campaign(), "PEN", "category Pens")


def decided(ad: SponsoredProduct, number: int = 1, price: int = 10_000, viewer: str = "") -> Decision:
    return Decision(f"d{number}", ad.pk, ad.campaign_id, ad.product_id, 1, price, "top", viewer)


def impressions(ad: SponsoredProduct) -> int:
    return SponsoredProduct.objects.get(pk=ad.pk).impressions


def test_a_click_without_an_impression_is_not_billed(ad: SponsoredProduct) -> None:
    charge(Kind.IMPRESSION, decided(ad, 1), NOW - 9 * SECOND)  # of another decision
    assert charge(Kind.CLICK, decided(ad, 2), NOW) is Reason.UNSEEN
    assert charge(Kind.IMPRESSION, decided(ad, 2), NOW + SECOND) is None  # it comes after the click
    assert charge(Kind.CLICK, decided(ad, 2), NOW) is Reason.UNSEEN


def test_a_click_on_another_ad_of_the_page_needs_its_own_impression(ad: SponsoredProduct) -> None:
    other = sponsors.ad(sponsors.campaign("Ink"), "INK", "category Pens")
    charge(Kind.IMPRESSION, decided(ad), NOW)
    assert charge(Kind.CLICK, decided(other), NOW + 9 * SECOND) is Reason.UNSEEN


@pytest.mark.parametrize("viewer", ["", "v"])
def test_a_click_is_billed_from_one_second_after_its_impression_until_the_url_expires(
    ad: SponsoredProduct, settings: Any, viewer: str
) -> None:
    settings.ADS_URL_SECONDS = 600
    for number, (after, reason) in enumerate(
        [(0.0, Reason.EARLY), (0.999, Reason.EARLY), (1.0, None), (600.0, None), (600.001, Reason.EXPIRED)]
    ):
        decision = decided(ad, number, viewer=viewer and f"{viewer}{number}")
        assert charge(Kind.IMPRESSION, decision, NOW) is None
        assert charge(Kind.CLICK, decision, NOW + timedelta(seconds=after)) is reason


def test_a_click_that_was_too_early_can_be_repeated(ad: SponsoredProduct) -> None:
    charge(Kind.IMPRESSION, decided(ad), NOW)
    assert charge(Kind.CLICK, decided(ad), NOW) is Reason.EARLY
    assert charge(Kind.CLICK, decided(ad), NOW + SECOND) is None
    assert charge(Kind.CLICK, decided(ad), NOW + SECOND) is Reason.REPEATED


def test_an_address_is_billed_for_three_clicks_of_a_campaign_and_day(ad: SponsoredProduct) -> None:
    """Also with different viewer keys."""
    clicks = [click(decided(ad, n, viewer=f"viewer {n}"), NOW, "address") for n in range(CLIENT_CLICKS + 1)]
    assert clicks == [None] * CLIENT_CLICKS + [Reason.ADDRESS]
    assert click(decided(ad, 10), NOW, "another address") is None
    assert click(decided(ad, 11), NOW + timedelta(days=1), "address") is None


def test_a_viewer_is_billed_for_three_clicks_whatever_their_addresses(ad: SponsoredProduct) -> None:
    clicks = [click(decided(ad, n, viewer="viewer"), NOW, f"address {n}") for n in range(CLIENT_CLICKS + 1)]
    assert clicks == [None] * CLIENT_CLICKS + [Reason.VIEWER]


def test_an_address_has_a_limit_over_all_campaigns(settings: Any) -> None:
    settings.ADS_ADDRESS_CLICKS = 4
    ads = [sponsors.ad(sponsors.campaign(f"Pens {n}"), f"PEN{n}", "category Pens") for n in range(6)]
    clicks = [click(decided(ad, viewer=f"v{n}"), NOW, "address") for n, ad in enumerate(ads)]
    assert clicks == [None] * 4 + [Reason.ADDRESS] * 2
    assert click(decided(ads[5], 2), NOW, "another address") is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_an_address_that_clicks_many_times_at_once_is_billed_for_three(ad: SponsoredProduct) -> None:
    begin = threading.Barrier(8)
    for number in range(8):
        sponsors.see(decided(ad, number), NOW)

    def click_once(number: int) -> Reason | None:
        try:
            connection.ensure_connection()
            begin.wait(10)
            return charge(Kind.CLICK, decided(ad, number, viewer=f"v{number}"), NOW, "address")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(click_once, range(8))).count(None) == CLIENT_CLICKS


def test_impressions_of_a_client_count_once_a_minute_and_ad(ad: SponsoredProduct) -> None:
    other = sponsors.ad(sponsors.campaign("Ink"), "INK", "category Pens")
    for number, (viewer, address, reason) in enumerate(
        [
            ("v", "a", None),
            ("v", "b", Reason.OFTEN),
            ("w", "a", Reason.OFTEN),
            ("w", "b", None),
            ("", "a", Reason.OFTEN),
        ]
    ):
        assert charge(Kind.IMPRESSION, decided(ad, number, viewer=viewer), NOW, address) is reason
    assert charge(Kind.IMPRESSION, decided(other, 9, viewer="v"), NOW, "a") is None
    assert charge(Kind.IMPRESSION, decided(ad, 10, viewer="v"), NOW + APART - SECOND, "a") is Reason.OFTEN
    assert charge(Kind.IMPRESSION, decided(ad, 11, viewer="v"), NOW + APART, "a") is None
    assert (impressions(ad), impressions(other)) == (3, 1)


def test_a_click_after_a_reload_is_billed(ad: SponsoredProduct) -> None:
    charge(Kind.IMPRESSION, decided(ad, 1), NOW, "address")
    assert charge(Kind.IMPRESSION, decided(ad, 2), NOW + SECOND, "address") is Reason.OFTEN
    assert charge(Kind.IMPRESSION, decided(ad, 2), NOW + 2 * APART, "address") is Reason.REPEATED
    assert charge(Kind.CLICK, decided(ad, 2), NOW + 9 * SECOND, "address") is None


def test_without_a_viewer_key_the_viewer_limit_holds_for_the_address(ad: SponsoredProduct) -> None:
    Campaign.objects.update(viewer_limit=1)
    assert charge(Kind.IMPRESSION, decided(ad, 1), NOW, "address") is None
    assert charge(Kind.IMPRESSION, decided(ad, 2), NOW + APART, "address") is Reason.ADDRESS
    assert charge(Kind.IMPRESSION, decided(ad, 3, viewer="v"), NOW + 2 * APART, "address") is None
    assert charge(Kind.IMPRESSION, decided(ad, 4, viewer="v"), NOW + 3 * APART, "address") is Reason.VIEWER


def test_a_rivals_ad_is_not_driven_out_by_impressions_of_one_address(ad: SponsoredProduct) -> None:
    """700 impressions in a second, then one a minute for the rest of the day."""
    for number in range(700):
        charge(Kind.IMPRESSION, decided(ad, number, viewer=f"v{number}"), NOW, "address")
    assert impressions(ad) == 1
    for number in range(200):
        charge(Kind.IMPRESSION, decided(ad, 1000 + number), NOW + number * APART, "address")
    mean, _ = choice.click_rate(impressions(ad), 0)
    assert choice.is_relevant(choice.FIT_OF_A_PARENT_CATEGORY, mean)


def test_a_rivals_ad_is_not_driven_out_of_its_category_by_five_addresses(ad: SponsoredProduct) -> None:
    for address in range(5):
        for number in range(200):
            charge(Kind.IMPRESSION, decided(ad, 1000 * address + number), NOW + number * APART, f"address {address}")
    mean, _ = choice.click_rate(impressions(ad), 0)
    assert choice.is_relevant(choice.FIT[Target.Kind.CATEGORY], mean)


def test_uncounted_impressions_per_address_are_bounded(ad: SponsoredProduct) -> None:
    for number in range(2 * CLIENT_SHOWN):
        charge(Kind.IMPRESSION, decided(ad, number), NOW, "address")
    assert Shown.objects.count() == CLIENT_SHOWN
    assert (Event.objects.count(), LastImpression.objects.count(), Viewer.objects.count()) == (1, 1, 1)


def test_clicks_do_not_run_ahead_of_even_pacing(ad: SponsoredProduct) -> None:
    """At one in the morning 3 % ahead of an hour's part of 10.00 are 0.72, and a last click."""
    Campaign.objects.update(pacing="even")
    morning = NOW.replace(hour=1)
    outcomes = [click(decided(ad, n, price=100_000), morning) for n in range(20)]
    assert outcomes == [None] * 8 + [Reason.PACE] * 12
    Campaign.objects.update(pacing="asap")
    assert click(decided(ad, 100, price=100_000), morning) is None


@pytest.mark.parametrize(
    ("fields", "billed"),
    [
        ({"starts": NOW - timedelta(hours=6)}, 11),  # a third of its hours today: 3.63
        ({"ends": NOW + timedelta(hours=12)}, 16),  # as without an end: 5.30
        ({"ends": NOW + timedelta(hours=4)}, 24),  # three quarters: 7.80
        ({"total_budget": 1_500_000}, 3),  # which is less than a day's: 0.80
    ],
)
def test_the_line_of_even_pacing_goes_through_a_campaigns_own_hours(
    ad: SponsoredProduct, fields: dict[str, Any], billed: int
) -> None:
    starts = {"starts": NOW - timedelta(hours=12)} | fields
    Campaign.objects.update(pacing="even", **starts)
    outcomes = [click(decided(ad, n, price=333_333), NOW) for n in range(30)]
    assert outcomes == [None] * billed + [Reason.PACE] * (30 - billed)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_simultaneous_clicks_do_not_run_ahead_of_even_pacing(ad: SponsoredProduct) -> None:
    Campaign.objects.update(pacing="even")
    morning = NOW.replace(hour=1)
    Day.objects.create(campaign=ad.campaign, day=NOW.date(), budget=10_000_000)
    for number in range(40):
        sponsors.see(decided(ad, number), morning)

    def click_once(number: int) -> Reason | None:
        try:
            return charge(Kind.CLICK, decided(ad, number, price=100_000), morning)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(click_once, range(40)))
    assert outcomes.count(None) == 8
    assert Campaign.objects.get().spent == Day.objects.get().spent == 800_000
    assert Event.objects.filter(kind=Kind.CLICK).count() == 8


@pytest.mark.parametrize(("proxies", "billed"), [(1, 4), (0, CLIENT_CLICKS)])
def test_the_address_is_what_a_trusted_proxy_says_and_no_header_otherwise(
    client: Client, ad: SponsoredProduct, settings: Any, proxies: int, billed: int, caplog: pytest.LogCaptureFixture
) -> None:
    tracking._warn_of_a_proxy.cache_clear()
    settings.TRUSTED_PROXIES = proxies
    for number in range(4):
        headers = BROWSER | {"X-Forwarded-For": f"192.0.2.{number}"}
        (found,) = ask(client, categories=["Pens"])
        client.get(path(found["impression_url"]), headers=headers)
        for table in (Event, Shown):
            table.objects.update(at=datetime.now(UTC) - 5 * SECOND)
        client.get(path(found["click_url"]), headers=headers)
    assert Event.objects.filter(kind=Kind.CLICK).count() == billed
    assert caplog.text.count("TRUSTED_PROXIES is 0") == (not proxies)
    assert (("click", "address", 1) in unbilled()) == (not proxies)

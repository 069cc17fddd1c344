"""Totals by campaign and day, from events and daily figures."""

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from campaigns import chart, reports
from campaigns.models import MICROS, Campaign, DailyFigures, Kind, Reason, SponsoredProduct, Unbilled
from campaigns.money import amount
from tests.campaigns.conftest import days_ago, happen


def fold(ad: SponsoredProduct, days: int, *, impressions: int, clicks: int, spent: int) -> None:
    DailyFigures.objects.create(
        ad=ad,
        campaign_id=ad.campaign_id,
        day=days_ago(days).date(),
        impressions=impressions,
        clicks=clicks,
        spent=spent,
    )


def unbilled(campaign: Campaign | None, kind: Kind, reason: Reason, count: int) -> None:
    Unbilled.objects.create(campaign=campaign, day=days_ago(0).date(), kind=kind, reason=reason, count=count)


def test_a_day_has_what_was_shown_clicked_and_paid(ad: SponsoredProduct) -> None:
    for price in (0, 0, 0, 0, 300_000, 300_001):
        happen(ad, price)
    ((_, day), figures), *others = reports.by_day().items()
    assert not others
    assert day == days_ago(0).date()
    assert (figures.impressions, figures.clicks, figures.spent) == (4, 2, 600_001)
    assert figures.click_rate == 0.5
    assert figures.average_price == 300_000


def test_events_and_folded_events_of_a_day_are_added_up(ad: SponsoredProduct) -> None:
    happen(ad, 100_000, days=3)
    fold(ad, 3, impressions=50, clicks=2, spent=500_000)
    fold(ad, 5, impressions=10, clicks=0, spent=0)
    by_day = {day: figures for (_, day), figures in reports.by_day().items()}
    assert list(by_day) == [days_ago(5).date(), days_ago(3).date()]
    assert by_day[days_ago(3).date()] == reports.Totals(50, 3, 600_000)
    assert by_day[days_ago(5).date()].average_price is None


def test_unbilled_events_are_reported_on_days_without_events(campaign: Campaign) -> None:
    unbilled(campaign, Kind.CLICK, Reason.ROBOT, 2)
    unbilled(campaign, Kind.IMPRESSION, Reason.ROBOT, 5)
    unbilled(campaign, Kind.CLICK, Reason.BUDGET, 1)
    unbilled(None, Kind.CLICK, Reason.SIGNATURE, 9)
    (figures,) = reports.by_day().values()
    assert figures.unbilled == {("click", "robot"): 2, ("impression", "robot"): 5, ("click", "budget"): 1}
    assert figures.click_rate is None


def test_campaigns_are_told_apart(ad: SponsoredProduct) -> None:
    campaign = Campaign.objects.get()
    happen(ad, 100_000)
    other = Campaign.objects.create(advertiser=campaign.advertiser, name="x", daily_budget=1, total_budget=1)
    unbilled(other, Kind.CLICK, Reason.ROBOT, 1)
    assert [key for key, _ in reports.by_day()] == [campaign.pk, other.pk]
    assert [key for key, _ in reports.by_day([other.pk])] == [other.pk]
    assert reports.by_day([]) == {}


def test_reports_take_two_queries(ad: SponsoredProduct, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for days in range(20):
        happen(ad, 1000, days=days)
        fold(ad, days, impressions=1, clicks=0, spent=0)
    with django_assert_num_queries(2):
        assert len(reports.by_day()) == 20


def test_totals_are_sums() -> None:
    total = reports.total([reports.Totals(10, 1, 500), reports.Totals(30, 3, 100)])
    assert total == reports.Totals(40, 4, 600)
    assert (total.click_rate, total.average_price) == (0.1, 150)
    assert reports.total([]).average_price is None


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00"), (1, "0.000001"), (50_000, "0.05"), (MICROS, "1.00"), (1_234_500, "1.2345"), (10_100_000, "10.10")],
)
def test_money_has_two_to_six_decimals(micros: int, text: str) -> None:
    assert amount(micros) == text


def test_a_chart_has_a_bar_for_each_day_below_round_marks() -> None:
    days = {date(2026, 1, 1): reports.Totals(100, 5, 2 * MICROS), date(2026, 1, 4): reports.Totals(50, 0, 0)}
    impressions, clicks, spend = chart.panels(days)
    assert [bar.height for bar in impressions.bars] == ["90.00", "0.00", "0.00", "45.00"]
    assert impressions.title == "Impressions per day"
    assert impressions.bars[3].label == "2026-01-04: 50"
    assert [tick.label for tick in impressions.ticks] == ["0", "50", "100"]
    assert [tick.y for tick in impressions.ticks] == ["90.00", "45.00", "0.00"]
    assert [tick.label for tick in clicks.ticks] == ["0", "2", "4", "6"]
    assert [tick.label for tick in spend.ticks] == ["0.00", "0.50", "1.00", "1.50", "2.00"]
    assert chart.panels({}) == []
    assert chart.panels({date(2026, 1, 1): reports.Totals()})[0].bars[0].height == "0.00"


@pytest.mark.parametrize(
    ("highest", "marks"), [(0, 1), (1, 1), (2, 1), (4, 1), (5, 2), (647, 200), (800, 200), (801, 500), (2001, 1000)]
)
def test_marks_of_an_axis_are_round_and_few(highest: int, marks: int) -> None:
    assert chart.step(highest, 1) == marks

"""Old events become daily figures. Reports do not change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns import reports, retention
from campaigns.models import Campaign, DailyFigures, Event, LastImpression, Shown, SponsoredProduct, Viewer
from tests.campaigns.conftest import days_ago, happen


def rollup(*words: str) -> str:
    out = StringIO()
    call_command("rollup", *words, stdout=out)
    return out.getvalue().strip()


def test_no_report_changes_and_recent_events_stay(ad: SponsoredProduct) -> None:
    for days in (0, 9, 10, 11, 11, 30):
        happen(ad, days=days)
        happen(ad, 100_000 + days, days=days)
    before = reports.by_day()
    assert rollup("--older-than", "10") == "6 events of 2 days folded; 0 rows of viewers deleted"
    assert reports.by_day() == before
    assert reports.differences() == []
    assert {event.day for event in Event.objects.all()} == {days_ago(days).date() for days in (0, 9, 10)}
    assert [(each.impressions, each.clicks, each.spent) for each in DailyFigures.objects.all()] == [
        (2, 2, 200_022),
        (1, 1, 100_030),
    ]


def test_late_events_are_added_to_existing_figures(ad: SponsoredProduct) -> None:
    happen(ad, 100_000, days=100)
    happen(ad, days=100)
    rollup()
    happen(ad, 50_000, days=100)
    happen(ad, days=100)
    before = reports.by_day()
    assert rollup().startswith("2 events of 1 days folded")
    assert reports.by_day() == before
    figures = DailyFigures.objects.get()
    assert (figures.impressions, figures.clicks, figures.spent) == (2, 2, 150_000)


def test_ads_are_told_apart(ad: SponsoredProduct) -> None:
    other = SponsoredProduct.objects.create(campaign_id=ad.campaign_id, product_id="GONE")
    happen(ad, 100_000, days=100)
    happen(other, 30_000, days=100)
    rollup()
    assert dict(DailyFigures.objects.values_list("ad", "spent")) == {ad.pk: 100_000, other.pk: 30_000}


def test_demo_figures_differ_by_placement_target_and_term(ad: SponsoredProduct) -> None:
    cuts = [("search", "keyword pen", "pen"), ("search", "keyword pen", "pen, ink"), ("search", "category Pens", "pen")]
    for placement, target, term in [*cuts, ("home", "category Pens", ""), *cuts]:
        happen(ad, days=100, placement=placement, target=target, term=term)
    rollup()
    found = DailyFigures.objects.values_list("placement", "target", "term", "impressions")
    assert set(found) == {*((*cut, 2) for cut in cuts), ("home", "category Pens", "", 1)}


def test_data_of_viewers_is_deleted_after_two_days(ad: SponsoredProduct, campaign: Campaign) -> None:
    for days in range(5):
        Viewer.objects.create(campaign=campaign, day=days_ago(days).date(), viewer="x")
        seen = {"ad": ad, "at": days_ago(days)}
        LastImpression.objects.create(client=f"x{days}", **seen)
        Shown.objects.create(decision=f"d{days}", **seen)
    assert rollup() == "0 events of 0 days folded; 6 rows of viewers deleted"
    for table in (LastImpression, Shown):
        assert table.objects.count() == 3
    assert Viewer.objects.order_by("day")[0].day == days_ago(0).date() - timedelta(days=2)


@pytest.mark.parametrize("days", ["1", "-1", "1000000"])
def test_an_invalid_number_of_days_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="--older-than: must be from 2 to"):
        rollup("--older-than", days)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_simultaneous_roll_ups_and_new_events_lose_nothing(ad: SponsoredProduct) -> None:
    for days in range(91, 99):
        for _ in range(10):
            happen(ad, 1000, days=days)

    def in_thread(call: Callable[[], object]) -> None:
        try:
            call()
        finally:
            connection.close()

    def late() -> None:
        for days in [*range(91, 99)] * 3:
            happen(ad, 1000, days=days)

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(in_thread, call) for call in (lambda: retention.roll_up(90),) * 2 + (late,)]:
            each.result()
    total = reports.total(reports.by_day().values())
    assert (total.clicks, total.spent) == (104, 104_000)
    assert reports.differences() == []
    retention.roll_up(90)
    assert not Event.objects.exists()
    assert reports.total(reports.by_day().values()) == total

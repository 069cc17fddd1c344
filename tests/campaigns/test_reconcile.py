"""The command reconcile reports differences between ledger and counters."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from campaigns.models import Campaign, DailyFigures, Day, SponsoredProduct
from tests.campaigns.conftest import days_ago, happen


def reconcile() -> str:
    out = StringIO()
    try:
        call_command("reconcile", stdout=out)
    except CommandError as error:
        out.write(f"error: {error}")
    return out.getvalue().strip()


def test_equal_ledger_and_counters_give_no_difference(ad: SponsoredProduct) -> None:
    for days in (0, 0, 2):
        happen(ad, 250_000, days=days)
        happen(ad, days=days)
    assert reconcile() == "1 campaigns, difference 0"


@pytest.mark.django_db
def test_no_campaign_gives_no_difference() -> None:
    assert reconcile() == "0 campaigns, difference 0"


def test_a_total_that_differs_is_told_to_the_micro(ad: SponsoredProduct) -> None:
    happen(ad, 250_000)
    Campaign.objects.update(spent=F("spent") + 1)
    assert reconcile().splitlines() == [
        f"campaign {ad.campaign_id}: ledger 0.25, counter 0.250001, difference -1 micros",
        "error: 1 campaigns, differences: 1",
    ]


def test_a_difference_of_days_is_reported_if_the_totals_agree(ad: SponsoredProduct) -> None:
    happen(ad, 250_000, days=1)
    Day.objects.update(day=days_ago(2).date())
    day_before, day, closing = reconcile().splitlines()
    assert f"on {days_ago(2).date()}: ledger 0.00, counter 0.25, difference -250000 micros" in day_before
    assert f"on {days_ago(1).date()}: ledger 0.25, counter 0.00, difference 250000 micros" in day
    assert closing == "error: 1 campaigns, differences: 2"


def test_folded_events_count(ad: SponsoredProduct) -> None:
    happen(ad, 250_000, days=1)
    figures = {"ad": ad, "campaign_id": ad.campaign_id, "day": days_ago(1).date()}
    DailyFigures.objects.create(**figures, impressions=0, clicks=1, spent=7)
    assert "difference 7 micros" in reconcile()

"""Reports are filtered by days, placement, target and search term. A roll-up does not change them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import reports, retention
from campaigns.models import Kind, Reason, SponsoredProduct, Unbilled
from campaigns.reports import Cut, Totals, by_day, by_dimension
from tests.campaigns.conftest import days_ago, happen


@pytest.fixture
def shown(ad: SponsoredProduct) -> SponsoredProduct:
    happen(ad, days=0, placement="search", target="keyword pen", term="pen")
    happen(ad, 300_000, days=0, placement="search", target="keyword pen", term="pen")
    happen(ad, days=120, placement="search", target="keyword pen", term="gel, pen")
    happen(ad, days=120, placement="home", target="category Pens")
    happen(ad, 100_000, days=120, placement="search", target="keyword pen", term="pen")
    happen(ad, days=121)
    Unbilled.objects.create(
        campaign_id=ad.campaign_id, day=days_ago(120).date(), kind=Kind.CLICK, reason=Reason.ROBOT, count=7
    )
    return ad


def total(ad: SponsoredProduct, cut: Cut) -> Totals:
    return reports.total(by_day([ad.campaign_id], cut).values())


@pytest.mark.parametrize("rolled_up", [False, True])
def test_a_value_has_its_figures_of_all_days(shown: SponsoredProduct, rolled_up: bool) -> None:
    if rolled_up:
        retention.roll_up(90)
    of = shown.campaign_id
    assert by_dimension("placement", of) == {
        "search": Totals(2, 2, 400_000),
        "home": Totals(1, 0, 0),
        "": Totals(1, 0, 0),
    }
    assert by_dimension("target", of) == {
        "keyword pen": Totals(2, 2, 400_000),
        "": Totals(1, 0, 0),
        "category Pens": Totals(1, 0, 0),
    }
    assert by_dimension("term", of) == {"pen": Totals(1, 2, 400_000), "": Totals(2, 0, 0)}
    assert list(by_dimension("placement", of, most=1)) == ["search"]


def test_a_term_is_named_once_it_was_clicked_or_seen_often(
    ad: SponsoredProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers invent search terms; their impressions count nevertheless."""
    monkeypatch.setattr(reports, "TERM_NAMED_FROM", 5)
    for _ in range(4):
        happen(ad, term="buy at a rival's")
    for _ in range(5):
        happen(ad, term="seen")
    happen(ad, 100_000, term="clicked")
    assert list(by_dimension("term", ad.campaign_id)) == ["clicked", "seen"]
    assert total(ad, Cut()).impressions == 9


@pytest.mark.parametrize("rolled_up", [False, True])
def test_cuts_add_up(shown: SponsoredProduct, rolled_up: bool) -> None:
    if rolled_up:
        retention.roll_up(90)
    since = days_ago(120).date()
    assert total(shown, Cut(since=since, until=since)).clicks == 1
    assert total(shown, Cut(since=since)).impressions == 3
    assert total(shown, Cut(until=since - timedelta(days=1))) == Totals(1, 0, 0)
    assert total(shown, Cut(placement="search", term="pen", since=days_ago(1).date())) == Totals(1, 1, 300_000)
    assert total(shown, Cut(target="category Pens", placement="search")) == Totals()
    assert by_dimension("term", shown.campaign_id, Cut(placement="home")) == {"": Totals(1, 0, 0)}


def test_unbilled_events_are_known_by_day_only(shown: SponsoredProduct) -> None:
    assert total(shown, Cut(since=days_ago(120).date())).unbilled == {("click", "robot"): 7}
    assert not total(shown, Cut(since=days_ago(119).date())).unbilled
    assert not total(shown, Cut(placement="search")).unbilled


def test_a_breakdown_takes_one_query(shown: SponsoredProduct) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        by_dimension("term", shown.campaign_id, Cut(placement="search", since=days_ago(500).date()))
    assert len(queries) == 1

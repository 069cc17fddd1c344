"""A campaign's report, as a page and as CSV."""

import csv
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from campaigns.models import Advertiser, Campaign, Kind, Reason, SponsoredProduct, Unbilled
from tests.campaigns.conftest import days_ago, happen
from tests.campaigns.test_admin import LIST, someone, text


def report(client: Client, ad: SponsoredProduct | Campaign, ending: str = "/") -> Any:
    campaign = ad.campaign_id if isinstance(ad, SponsoredProduct) else ad.pk
    return client.get(f"{LIST}{campaign}/report{ending}")


@pytest.fixture
def busy(ad: SponsoredProduct) -> SponsoredProduct:
    """An ad with events on two days and none on the day between."""
    for days, prices in ((0, (0, 0, 0, 300_000)), (2, (0, 500_000, 500_001))):
        for price in prices:
            happen(ad, price, days=days)
    Unbilled.objects.create(
        campaign_id=ad.campaign_id, day=days_ago(2).date(), kind=Kind.CLICK, reason=Reason.ROBOT, count=7
    )
    return ad


def test_the_report_has_days_a_total_and_charts(staff: Client, busy: SponsoredProduct) -> None:
    page = report(staff, busy)
    today, before = days_ago(0).date(), days_ago(2).date()
    assert f"{today} 3 1 33.33% 0.30 0.30 {before} 1 2 \N{EN DASH} 1.00 0.50 Total 4 3 75.00% 1.30 0.43" in text(page)
    assert f"Unbilled clicks Day (UTC) robot or prefetch {today} 0 {before} 7 Total 7" in text(page)
    assert "robot or prefetch" in text(page)
    assert "bad signature" not in text(page)
    markup = page.content.decode()
    assert markup.count("<rect") == 3 * 3
    assert f"<title>{before}: 1.00</title>" in markup


def test_it_needs_no_inline_style_or_script(staff: Client, busy: SponsoredProduct) -> None:
    for page in (report(staff, busy), staff.get(LIST)):
        content = page.content.decode()
        assert "style=" not in content
        assert "<style" not in content
        assert "<script>" not in content


def test_it_takes_few_queries(
    staff: Client, busy: SponsoredProduct, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(8):
        report(staff, busy)


def test_a_campaign_without_events_has_an_empty_report(staff: Client, campaign: Campaign) -> None:
    assert "No impressions or clicks yet." in text(report(staff, campaign))
    assert len(report(staff, campaign, ".csv").content.splitlines()) == 1


def test_the_csv_has_the_figures(staff: Client, busy: SponsoredProduct) -> None:
    response = report(staff, busy, ".csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="campaign-{busy.campaign_id}.csv"'
    before, today = csv.DictReader(response.content.decode().splitlines())
    assert before["day"] == f"{days_ago(2).date()}"
    assert (before["spent_micros"], before["spent"], before["average_price_micros"]) == (
        "1000001",
        "1.000001",
        "500000",
    )
    assert (before["unbilled_robot"], today["unbilled_robot"]) == ("7", "0")
    assert (before["unbilled_impression_robot"], before["unbilled_click_robot"]) == ("0", "7")
    assert (today["advertiser"], today["impressions"], today["click_rate"]) == ("Hollin", "3", "0.333333")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\uff1d1+1", "\uff20SUM(A1)"])
def test_a_name_is_no_formula_in_the_csv(staff: Client, busy: SponsoredProduct, name: str) -> None:
    Campaign.objects.update(name=name)
    Advertiser.objects.update(name=name)
    _, line, *_ = csv.reader(report(staff, busy, ".csv").content.decode().splitlines(keepends=True))
    assert line[:2] == [f"'{name}"] * 2


@pytest.mark.parametrize("ending", ["/", ".csv"])
def test_it_needs_the_permission_to_view_campaigns(client: Client, busy: SponsoredProduct, ending: str) -> None:
    assert report(client, busy, ending)["Location"].startswith("/admin/login/")
    assert report(someone(client), busy, ending).status_code == 403


@pytest.mark.parametrize("ending", ["/", ".csv"])
def test_a_viewer_of_campaigns_gets_404_for_an_unknown_one(client: Client, busy: SponsoredProduct, ending: str) -> None:
    clerk = someone(client, "view_campaign")
    assert report(clerk, busy, ending).status_code == 200
    assert clerk.get(f"{LIST}4711/report{ending}").status_code == 404


def test_unbilled_impressions_and_clicks_are_told_apart(staff: Client, busy: SponsoredProduct) -> None:
    assert "Unbilled impressions" not in text(report(staff, busy))
    Unbilled.objects.create(
        campaign_id=busy.campaign_id, day=days_ago(2).date(), kind=Kind.IMPRESSION, reason=Reason.ROBOT, count=4
    )
    page = text(report(staff, busy))
    assert "Total 4 Unbilled clicks" in page
    assert "Total 7 One impression a minute counts" in page


def test_a_click_without_a_search_differs_from_a_rare_term(staff: Client, ad: SponsoredProduct) -> None:
    happen(ad, 10_000, target="product PAD")
    happen(ad, term="rare")
    page = text(report(staff, ad)).split("By search term")[1]
    assert "(no search) 0 1" in page
    assert "All others, rare terms among them 1 0" in page
    lines = csv.DictReader(report(staff, ad, ".csv?by=term").content.decode().splitlines())
    found = [(line["term"], line["impressions"], line["clicks"], line["click_rate"]) for line in lines]
    assert found == [("", "0", "1", ""), ("(all others)", "1", "0", "0.000000")]
    assert "(none given)" in text(report(staff, ad)).split("By placement")[1]


@pytest.fixture
def cut(ad: SponsoredProduct) -> SponsoredProduct:
    happen(ad, 300_000, placement="search", target="keyword pen", term="gel pen")
    happen(ad, days=3, placement="search", target="keyword pen", term="gel pen")
    happen(ad, days=3, placement="home & garden", target="category Pens")
    return ad


def test_the_report_is_filtered_and_each_value_links_to_its_filter(staff: Client, cut: SponsoredProduct) -> None:
    page = report(staff, cut)
    assert "search 1 1 100.00% 0.30 0.30 home &amp; garden 1 0 0.00% 0.00" in text(page)
    assert "By search term" in text(page)
    assert 'href="?placement=home+%26+garden"' in page.content.decode()
    page = report(staff, cut, "/?placement=home+%26+garden&since=&until=&target=&term=")
    assert "Total 1 0 0.00% 0.00" in text(page)
    assert "search" not in text(page).split("By placement")[1].split("By target")[0]
    assert "Total 1 0 0.00% 0.00" in text(report(staff, cut, f"/?until={days_ago(1).date()}&term=gel+pen"))
    assert "No impressions or clicks match these filters." in text(report(staff, cut, "/?term=ink"))


def test_the_csv_is_filtered_too_or_by_value(staff: Client, cut: SponsoredProduct) -> None:
    (line,) = csv.DictReader(
        report(staff, cut, ".csv?placement=search&since=" + f"{days_ago(1).date()}").content.decode().splitlines()
    )
    assert (line["impressions"], line["clicks"]) == ("0", "1")
    response = report(staff, cut, ".csv?by=target&term=gel+pen")
    assert f"campaign-{cut.campaign_id}-by-target.csv" in response["Content-Disposition"]
    (line,) = csv.DictReader(response.content.decode().splitlines())
    assert (line["target"], line["impressions"], line["spent"]) == ("keyword pen", "1", "0.30")


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)"])
def test_a_search_term_is_no_formula_either(staff: Client, ad: SponsoredProduct, name: str) -> None:
    happen(ad, 10_000, term=name)
    _, line = csv.reader(report(staff, ad, ".csv?by=term").content.decode().splitlines())
    assert line[2] == f"'{name}"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2026-02-01&until=2026-01-31", "From must not be after To."),
        ("since=yesterday", "Enter a valid date."),
        (f"term={'x' * 101}", "Search term: Ensure this value has at most 100 characters"),
        ("by=advertiser", "Select a valid choice."),
    ],
)
def test_an_invalid_filter_is_reported(staff: Client, busy: SponsoredProduct, query: str, said: str) -> None:
    response = report(staff, busy, f".csv?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert said in response.content.decode()
    page = report(staff, busy, f"/?{query}")
    assert page.status_code == 200
    assert "Total" not in text(page)


def test_many_terms_are_summed_up(staff: Client, ad: SponsoredProduct) -> None:
    for n in range(23):
        happen(ad, 10_000, term=f"term {n}")
    assert re.search(r"All others, rare terms among them 0 3 \S 0.03 0.01", text(report(staff, ad)))

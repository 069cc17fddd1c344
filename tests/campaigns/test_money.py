"""Amounts are entered and shown in the shop's currency, and stored in micros."""

from typing import Any

import pytest
from django.test import Client

from campaigns import decisions
from campaigns.models import MICROS, Campaign, Target
from campaigns.money import amount, rounded
from tests.campaigns.test_admin import ADMIN, LIST, form, saved, text
from tests.campaigns.test_tracking import ask


@pytest.mark.parametrize(
    ("currency", "micros", "exact", "rounds_to"),
    [
        ("USD", 50 * MICROS, "50.00", "50.00"),
        ("USD", 139_481, "0.139481", "0.14"),
        ("USD", 125_000, "0.125", "0.13"),
        ("JPY", 50 * MICROS, "50", "50"),
        ("JPY", 1_500_000, "1.5", "2"),
        ("KWD", 10_000, "0.010", "0.010"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    settings: Any, currency: str, micros: int, exact: str, rounds_to: str
) -> None:
    settings.CURRENCY = currency
    assert (amount(micros), rounded(micros)) == (exact, rounds_to)


def test_amounts_are_entered_in_the_currency(staff: Client, campaign: Campaign) -> None:
    assert saved(staff, campaign, daily_budget="50", total_budget="1234.5").status_code == 302
    assert Campaign.objects.values_list("daily_budget", "total_budget").get() == (50_000_000, 1_234_500_000)
    page = staff.get(f"{LIST}{campaign.pk}/change/")
    assert "Daily budget (USD):" in text(page)
    assert 'value="50.00"' in page.content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("50,00", "Enter a number."),
        ("1_000", "Enter a number."),
        ("sNaN", "Enter a number."),
        ("NaN", "Enter a number."),
        ("50.005", "no more than 2 decimal places"),
        ("1e9999999", "less than or equal to 1000000000"),
        ("-1e9999999", "greater than or equal to 0"),
        ("1e-9999999", "no more than 2 decimal places"),
    ],
)
def test_an_invalid_amount_is_refused_with_a_message(staff: Client, campaign: Campaign, typed: str, said: str) -> None:
    page = saved(staff, campaign, daily_budget=typed)
    assert page.status_code == 200
    assert said in text(page)


def test_a_currency_without_decimals_takes_none(staff: Client, campaign: Campaign, settings: Any) -> None:
    settings.CURRENCY = "JPY"
    page = saved(staff, campaign, daily_budget="50.5", total_budget="100")
    assert "no more than 0 decimal places" in text(page)
    assert saved(staff, campaign, daily_budget="50", total_budget="100").status_code == 302
    page = staff.get(f"{LIST}{campaign.pk}/change/")
    assert "Daily budget (JPY):" in text(page)
    assert 'value="50"' in page.content.decode()
    assert "spend today (jpy)" in text(staff.get(LIST)).lower()


def test_a_click_costs_at_least_the_smallest_coin(client: Client, staff: Client, settings: Any) -> None:
    from tests.campaigns.sponsors import ad
    from tests.campaigns.sponsors import campaign as made

    settings.CURRENCY = "JPY"
    campaign = made(daily_budget=500 * MICROS, total_budget=900 * MICROS)
    ad(campaign, "PEN", "category Pens", bid=50 * MICROS)
    (alone,) = ask(client, categories=["Pens"])
    assert decisions.read(alone["click_url"].rpartition("/")[2]).price == MICROS
    assert "Enter at least 1 JPY, the minimum price of a click." in text(saved(staff, campaign, daily_budget="0"))
    Target.objects.update(bid=MICROS - 1)
    assert "Not shown: it has no target." in text(staff.get(f"{ADMIN}sponsoredproduct/"))
    assert not ask(client, categories=["Pens"])[0]["sponsored"]


def test_a_budget_below_a_bid_is_refused(staff: Client, campaign: Campaign) -> None:
    from tests.campaigns.sponsors import ad

    ad(campaign, "PEN", "keyword pen", "-keyword red", bid=1_500_000)
    page = saved(staff, campaign, daily_budget="1.49")
    assert "Enter at least 1.50 USD, the highest bid of the campaign&#x27;s ads." in text(page)
    assert saved(staff, campaign, daily_budget="1.50").status_code == 302


def test_an_unchanged_amount_keeps_its_extra_decimals(staff: Client, campaign: Campaign) -> None:
    Campaign.objects.update(daily_budget=5_000_001)
    campaign.refresh_from_db()
    assert form(campaign)["daily_budget"] == "5.000001"
    assert saved(staff, campaign, name="Renamed").status_code == 302
    assert Campaign.objects.values_list("name", "daily_budget").get() == ("Renamed", 5_000_001)

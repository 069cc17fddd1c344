"""The admin pages of campaigns."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

import service.admin
from campaigns import reports, retention
from campaigns.decisions import Decision
from campaigns.models import MICROS, Campaign, Day, Reason, SponsoredProduct, Target
from campaigns.money import amount
from catalog.models import Product
from tests.campaigns import sponsors
from tests.campaigns.conftest import days_ago, happen

ADMIN = "/admin/campaigns/"
LIST = f"{ADMIN}campaign/"


def text(response: Any) -> str:
    """Return the text of a page without tags, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def form(campaign: Campaign, **changes: object) -> dict[str, object]:
    """Return the form data of a campaign's page."""
    return {
        "advertiser": campaign.advertiser_id,
        "name": campaign.name,
        "status": campaign.status,
        "starts_0": f"{campaign.starts:%Y-%m-%d}",
        "starts_1": f"{campaign.starts:%H:%M:%S}",
        "initial-starts_0": f"{campaign.starts:%Y-%m-%d}",  # a hidden field, because the default is the current time
        "initial-starts_1": f"{campaign.starts:%H:%M:%S}",
        "ends_0": "",
        "ends_1": "",
        "daily_budget": amount(campaign.daily_budget),
        "total_budget": amount(campaign.total_budget),
        "pacing": campaign.pacing,
        "viewer_limit": "",
        "ads-TOTAL_FORMS": 0,
        "ads-INITIAL_FORMS": 0,
        **changes,
    }


def saved(staff: Client, campaign: Campaign, **changes: object) -> Any:
    return staff.post(f"{LIST}{campaign.pk}/change/", form(campaign, **changes))


def act(client: Client, action: str, *campaigns: Campaign) -> str:
    chosen = {"action": action, "_selected_action": [campaign.pk for campaign in campaigns]}
    return text(client.post(LIST, chosen, follow=True))


def someone(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_the_list_shows_what_is_spent_in_all_and_today(staff: Client, ad: SponsoredProduct) -> None:
    happen(ad, 1_250_000)
    happen(ad, 250_000, days=1)
    page = staff.get(LIST)
    assert "1.50 of 100.00 (2%)" in text(page)
    assert "1.25 of 5.00 (25%)" in text(page)
    assert 'max="5000000" high="4500000" value="1250000"' in page.content.decode()


def test_the_list_takes_a_fixed_number_of_queries(
    staff: Client, campaign: Campaign, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(20):
        Campaign.objects.create(advertiser=campaign.advertiser, name=f"{n}", daily_budget=0, total_budget=0)
    with django_assert_max_num_queries(8):
        assert "0.00 of 0.00" in text(staff.get(LIST))


def test_campaigns_are_paused_and_resumed(staff: Client, campaign: Campaign) -> None:
    ended = Campaign.objects.create(
        advertiser=campaign.advertiser, name="x", status=Campaign.Status.ENDED, daily_budget=1, total_budget=1
    )
    assert "Now paused: 1. 1 unchanged: not active." in act(staff, "pause", campaign, ended)
    assert set(Campaign.objects.values_list("name", "status")) == {("Home office", "paused"), ("x", "ended")}
    assert "Now active: 1." in act(staff, "resume", campaign)
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.ACTIVE
    assert list(LogEntry.objects.values_list("change_message", flat=True)) == ["Now active.", "Now paused."]


def test_a_user_with_view_permission_cannot_pause(client: Client, campaign: Campaign) -> None:
    clerk = someone(client, "view_campaign")
    assert "Home office" in text(clerk.get(LIST))
    for before, action in ((Campaign.Status.ACTIVE, "pause"), (Campaign.Status.PAUSED, "resume")):
        Campaign.objects.update(status=before)
        act(clerk, action, campaign)
        campaign.refresh_from_db()
        assert campaign.status == before


def test_a_campaign_is_created(staff: Client, campaign: Campaign) -> None:
    Product.objects.create(asin="INK")
    ads = {"ads-TOTAL_FORMS": 1, "ads-0-product": "INK"}
    page = staff.post(f"{LIST}add/", form(campaign, name="Spring", **ads), follow=True)
    assert "A new ad is not shown until it has a target." in text(page)
    made = Campaign.objects.get(name="Spring")
    assert (made.daily_budget, made.spent) == (5 * MICROS, 0)
    assert made.ads.get().product_id == "INK"


def test_the_page_of_a_new_campaign_shows_no_figures_yet(staff: Client) -> None:
    page = text(staff.get(f"{LIST}add/"))
    assert "Daily budget (USD)" in page
    assert not any(label in page for label in ("Now:", "spend", "Spend", "Report:", "None"))


def test_a_campaign_that_cannot_be_shown_is_not_in_bold(staff: Client, ad: SponsoredProduct) -> None:
    page = staff.get(LIST).content.decode()
    assert "its ads have no target" in page
    assert "<strong>running" not in page
    Target.objects.create(ad=ad, kind="keyword", value="pen", bid=500_000)
    assert "<strong>running</strong>" in staff.get(LIST).content.decode()


@pytest.mark.parametrize(("total", "is_said"), [("4.99", True), ("5.00", False)])
def test_a_daily_budget_above_the_total_gives_a_warning(
    staff: Client, campaign: Campaign, total: str, is_said: bool
) -> None:
    page = text(staff.post(f"{LIST}{campaign.pk}/change/", form(campaign, total_budget=total), follow=True))
    warning = f"The daily budget is higher than the total budget (5.00 USD a day, {total} USD in total)"
    assert (warning in page) is is_said
    assert "was changed successfully" in page


def test_an_ad_is_called_an_ad(staff: Client, ad: SponsoredProduct) -> None:
    page = text(staff.get(f"{ADMIN}sponsoredproduct/{ad.pk}/change/"))
    assert "PEN in Home office" in page
    assert "ponsored product" not in page
    assert {reason.label for reason in Reason if reason.label != reason.label.lower()} == {"HEAD request"}


def test_a_list_shows_that_it_has_more_rows_than_counted(
    staff: Client, ad: SponsoredProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        happen(ad)
    assert "3 events" in text(staff.get(f"{ADMIN}event/"))
    monkeypatch.setattr(service.admin, "COUNTED", 2)
    assert "more than 2 events" in text(staff.get(f"{ADMIN}event/"))
    assert "more than 2 results" in text(staff.get(f"{ADMIN}event/?kind=impression"))


def test_a_charge_while_a_form_is_saved_is_not_lost(
    staff: Client, ad: SponsoredProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    from campaigns.admin.campaigns import CampaignAdmin

    load = CampaignAdmin.get_object

    def charged_just_after(*args: Any, **kwargs: Any) -> Any:
        loaded = load(*args, **kwargs)
        happen(ad, 700_000)
        return loaded

    monkeypatch.setattr(CampaignAdmin, "get_object", charged_just_after)
    campaign = Campaign.objects.get()
    assert saved(staff, campaign, name="Renamed", daily_budget="9").status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.spent) == ("Renamed", 700_000)
    today = Day.objects.latest("day")
    assert (today.budget, today.spent) == (9 * MICROS, 700_000)


def test_a_date_without_a_time_is_explained(staff: Client, campaign: Campaign) -> None:
    assert "Enter a time too, such as 00:00." in text(saved(staff, campaign, ends_0="2030-01-01"))


def test_a_click_of_yesterday_that_waited_has_the_budget_of_yesterday(staff: Client, ad: SponsoredProduct) -> None:
    campaign = Campaign.objects.get()
    Campaign.objects.update(starts=days_ago(5), daily_budget=MICROS)
    campaign.refresh_from_db()
    assert saved(staff, campaign, daily_budget="100", total_budget="1000").status_code == 302
    yesterday, today = Day.objects.order_by("day")
    assert (yesterday.day, yesterday.budget) == (days_ago(1).date(), MICROS)
    assert today.budget == 100 * MICROS


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("patient_writers")
def test_saving_and_charging_at_once_lose_nothing_and_break_nothing(staff: Client, ad: SponsoredProduct) -> None:
    def click() -> list[Reason | None]:
        try:
            clicks = [Decision(f"{n}", ad.pk, ad.campaign_id, "PEN", 1, 1000, "", "") for n in range(40)]
            return [sponsors.click(each, timezone.now()) for each in clicks]
        finally:
            connection.close()

    campaign = Campaign.objects.get()
    with ThreadPoolExecutor(1) as pool:
        clicking = pool.submit(click)
        for n in range(12):
            assert saved(staff, campaign, name=f"{n}", daily_budget=5 + n).status_code == 302
        assert set(clicking.result()) == {None}
    assert Campaign.objects.values_list("daily_budget", "spent").get() == (16 * MICROS, 40_000)
    assert reports.differences() == []


def test_a_total_below_what_is_spent_is_refused(staff: Client, ad: SponsoredProduct) -> None:
    campaign = Campaign.objects.get()
    happen(ad, 1_250_000)
    page = saved(staff, campaign, total_budget="1")
    assert page.status_code == 200
    assert "Enter at least 1.25 USD, the amount spent." in text(page)
    assert saved(staff, campaign, total_budget="1.25").status_code == 302
    campaign.refresh_from_db()
    assert campaign.total_budget == campaign.spent == 1_250_000


def test_a_total_below_a_simultaneous_charge_is_refused(
    staff: Client, ad: SponsoredProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    from campaigns.admin.forms import CampaignForm

    validate = CampaignForm.clean

    def charged_just_after(form: CampaignForm) -> Any:
        cleaned = validate(form)
        happen(ad, 2 * MICROS)
        return cleaned

    monkeypatch.setattr(CampaignForm, "clean", charged_just_after)
    campaign = Campaign.objects.get()
    page = staff.post(f"{LIST}{campaign.pk}/change/", form(campaign, total_budget="1"), follow=True)
    assert "The data changed while you saved. Nothing was saved: try again." in text(page)
    assert Campaign.objects.get().total_budget == 100 * MICROS


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ends_0": "2001-01-01", "ends_1": "00:00"}, "The end must be after the start."),
        ({"daily_budget": -1}, "greater than or equal to 0"),
        ({"total_budget": 10**19}, "less than or equal to"),
        ({"viewer_limit": 0}, "greater than or equal to 1"),
        ({"daily_budget": "much"}, "Enter a number."),
        ({"daily_budget": "0.009"}, "no more than 2 decimal places"),
        ({"daily_budget": "0.00"}, "Enter at least 0.01 USD, the minimum price of a click."),
        ({"total_budget": "NaN"}, "Enter a number."),
        ({"daily_budget": "0,50"}, "Enter a number."),
    ],
)
def test_an_invalid_campaign_is_an_error_in_the_form(
    staff: Client, campaign: Campaign, changes: dict[str, object], error: str
) -> None:
    page = saved(staff, campaign, **changes)
    assert page.status_code == 200
    assert error in text(page)


@pytest.mark.parametrize(("budget", "today"), [(8, 8), (4, 4), (1, 2)])
def test_another_daily_budget_holds_from_today_on_but_not_below_what_is_spent(
    staff: Client, ad: SponsoredProduct, budget: int, today: int
) -> None:
    happen(ad, 2 * MICROS)
    happen(ad, 2 * MICROS, days=1)
    assert saved(staff, Campaign.objects.get(), daily_budget=budget).status_code == 302
    assert Campaign.objects.get().daily_budget == budget * MICROS
    assert list(Day.objects.values_list("budget", flat=True)) == [today * MICROS, 5 * MICROS]


def test_a_late_charge_does_not_restore_the_old_daily_budget(staff: Client, campaign: Campaign) -> None:
    late = Day(campaign=campaign, day=timezone.now().date(), budget=campaign.daily_budget)
    assert saved(staff, campaign, daily_budget="1.00").status_code == 302
    Day.objects.bulk_create([late], ignore_conflicts=True)
    assert Day.objects.latest("day").budget == MICROS


def test_a_campaign_with_events_cannot_be_deleted(staff: Client, ad: SponsoredProduct) -> None:
    happen(ad, 1000)
    for url in (f"{LIST}{ad.campaign_id}/delete/", f"{ADMIN}sponsoredproduct/{ad.pk}/delete/"):
        page = staff.post(url, {"post": "yes"})
        assert "would require deleting the following protected related objects: events" in text(page)
    advertiser = Campaign.objects.get().advertiser_id
    assert "protected" in text(staff.post(f"{ADMIN}advertiser/{advertiser}/delete/", {"post": "yes"}))
    chosen = {"action": "delete_selected", "_selected_action": [ad.campaign_id], "post": "yes"}
    assert "protected" in text(staff.post(LIST, chosen))
    assert Campaign.objects.exists()
    assert SponsoredProduct.objects.exists()


@pytest.mark.parametrize("ledger", ["event", "dailyfigures", "unbilled", "day"])
def test_the_ledger_is_read_only_in_the_admin(staff: Client, ad: SponsoredProduct, ledger: str) -> None:
    event = happen(ad, 300_000)
    assert staff.get(f"{ADMIN}{ledger}/").status_code == 200
    assert staff.get(f"{ADMIN}{ledger}/add/").status_code == 403
    if ledger == "event":
        page = staff.get(f"{ADMIN}event/{event.pk}/change/")
        assert "0.30" in text(page)
        assert 'name="_save"' not in page.content.decode()
        assert staff.post(f"{ADMIN}event/{event.pk}/change/", {"price": 1}).status_code == 403
        assert staff.post(f"{ADMIN}event/{event.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("ledger", ["event", "dailyfigures"])
def test_money_stands_before_the_long_columns(staff: Client, ad: SponsoredProduct, ledger: str) -> None:
    """Else it is cut off in a narrow window."""
    happen(ad, 300_000, days=100)
    retention.roll_up(200 if ledger == "event" else 90)
    page = staff.get(f"{ADMIN}{ledger}/")
    headers = re.findall(r'class="[^"]*column-(\w+)', page.content.decode())
    assert headers.index("paid") < headers.index("campaign") < headers.index("target")
    assert "campaigns/admin.css" in page.content.decode()

"""The command remove_demo deletes the demo campaigns and nothing else."""

import random
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client

from campaigns import reports
from campaigns.models import (
    Advertiser,
    Campaign,
    DailyFigures,
    Day,
    Event,
    SponsoredProduct,
    Target,
    Unbilled,
    Viewer,
)
from catalog.demo.products import make_products
from catalog.models import Product
from tests.campaigns.conftest import happen
from tests.campaigns.test_admin import ADMIN, act, saved

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_history")]

ALL: list[Any] = [Advertiser, Campaign, SponsoredProduct, Target, Day, Event, DailyFigures, Unbilled, Viewer]


@pytest.fixture
def demo(db: None) -> None:
    Product.objects.bulk_create(each.product for each in make_products(random.Random(1), 100, "http://x"))
    call_command("seed_campaigns", stdout=StringIO())


def remove(*words: str) -> str:
    out = StringIO()
    call_command("remove_demo", *words, stdout=out)
    return out.getvalue()


def test_the_whole_demo_is_deleted(demo: None) -> None:
    campaign = Campaign.objects.filter(status="active")[:1].get()
    happen(campaign.ads.all()[:1].get(), days=0)  # events since then are deleted too
    Viewer.objects.create(campaign=campaign, day="2026-01-01", viewer="x")
    them = "30 campaigns and 12 advertisers of the demo"
    assert remove("--dry-run") == f"Nothing was deleted. {them} would be deleted\n"
    assert Campaign.objects.count() == 30
    assert remove() == f"{them} deleted\n"
    assert [model.__name__ for model in ALL if model.objects.exists()] == []
    assert Product.objects.count() == 100
    assert remove() == "0 campaigns and 0 advertisers of the demo deleted\n"


def test_other_campaigns_are_kept(demo: None, ad: SponsoredProduct) -> None:
    happen(ad, 300_000)
    happen(ad, 200_000, days=3)
    before = {model: set(model.objects.filter(campaign=ad.campaign_id)) for model in (Event, Day, SponsoredProduct)}
    theirs = Campaign.objects.exclude(pk=ad.campaign_id)[0]
    mine = Campaign.objects.create(advertiser=theirs.advertiser, name="Mine", daily_budget=1, total_budget=1)
    assert remove() == "30 campaigns and 11 advertisers of the demo deleted\n"
    assert set(Campaign.objects.values_list("pk", flat=True)) == {ad.campaign_id, mine.pk}
    assert {model: set(model.objects.all()) for model in before} == before
    assert set(Advertiser.objects.values_list("name", flat=True)) == {"Hollin", theirs.advertiser.name}
    assert reports.differences() == []


def test_a_changed_campaign_is_kept(demo: None, staff: Client) -> None:
    renamed, grown, aimed, paused, untouched = Campaign.objects.filter(status="active")[:5]
    assert saved(staff, renamed, name="Ours").status_code == 302
    new = {"ads-TOTAL_FORMS": 1, "ads-0-product": Product.objects.exclude(ads__campaign=grown)[0].asin}
    assert saved(staff, grown, **new).status_code == 302
    url = f"{ADMIN}sponsoredproduct/{aimed.ads.all()[0].pk}/change/"
    target = {"targets-0-kind": "keyword", "targets-0-value": "brand new", "targets-0-bid": "0.10"}
    assert staff.post(url, {"targets-TOTAL_FORMS": 1, "targets-INITIAL_FORMS": 0} | target).status_code == 302
    assert "Now paused: 1." in act(staff, "pause", paused)
    ends = {"ends_0": f"{untouched.ends:%Y-%m-%d}", "ends_1": f"{untouched.ends:%H:%M:%S}"} if untouched.ends else {}
    assert saved(staff, untouched, viewer_limit=untouched.viewer_limit or "", **ends).status_code == 302
    assert remove().startswith("27 campaigns")
    assert set(Campaign.objects.values_list("pk", flat=True)) == {renamed.pk, grown.pk, aimed.pk}
    assert reports.differences() == []


def test_the_demo_of_a_release_without_the_field_demo_is_recognised(db: None) -> None:
    Product.objects.bulk_create(each.product for each in make_products(random.Random(1), 1200, "http://x"))
    call_command("seed_campaigns", stdout=StringIO())
    Campaign.objects.update(demo=False)
    dearer, aimed, renamed = Campaign.objects.all()[:3]
    Campaign.objects.filter(pk=dearer.pk).update(daily_budget=F("daily_budget") + 1)
    Target.objects.create(ad=aimed.ads.all()[0], kind="keyword", value="brand new", bid=100_000)
    Campaign.objects.filter(pk=renamed.pk).update(name="Ours")
    assert remove().startswith("27 campaigns")
    assert set(Campaign.objects.all()) == {dearer, aimed, renamed}


def test_a_changed_campaign_is_kept_even_if_it_looks_like_the_demo(staff: Client) -> None:
    Product.objects.bulk_create(each.product for each in make_products(random.Random(1), 1200, "http://x"))
    call_command("seed_campaigns", stdout=StringIO())
    limited, dearer, paused, unchanged = Campaign.objects.filter(status="active", ends=None)[:4]
    Campaign.objects.filter(pk__in=[dearer.pk, paused.pk, unchanged.pk]).update(demo=False)  # of an earlier release
    assert saved(staff, limited, viewer_limit=77).status_code == 302
    target = Target.objects.filter(ad__campaign=dearer, kind="keyword", negative=False)[0]
    bid = {"id": target.pk, "ad": target.ad_id, "kind": "keyword", "value": target.value, "bid": "1.30"}
    sent = {"targets-TOTAL_FORMS": 1, "targets-INITIAL_FORMS": 1} | {f"targets-0-{k}": v for k, v in bid.items()}
    assert staff.post(f"{ADMIN}sponsoredproduct/{target.ad_id}/change/", sent).status_code == 302
    assert "Now paused: 1." in act(staff, "pause", paused)
    as_before = {"viewer_limit": unchanged.viewer_limit or "", "pacing": unchanged.pacing}
    assert saved(staff, unchanged, **as_before, status="paused").status_code == 302
    assert remove().startswith("28 campaigns")
    assert remove().startswith("0 campaigns")
    assert set(Campaign.objects.all()) == {limited, dearer}


def test_a_campaign_with_a_deleted_ad_is_kept(demo: None, staff: Client) -> None:
    campaign = Campaign.objects.filter(status="active")[0]
    free = Product.objects.exclude(ads__campaign=campaign)[0]
    ad = SponsoredProduct.objects.create(campaign=campaign, product=free)
    chosen = {"action": "delete_selected", "_selected_action": [ad.pk], "post": "yes"}
    staff.post(f"{ADMIN}sponsoredproduct/", chosen)
    assert not SponsoredProduct.objects.filter(pk=ad.pk).exists()
    assert remove().startswith("29 campaigns")
    assert Campaign.objects.get() == campaign


def test_a_renamed_advertiser_is_kept_with_its_campaigns(demo: None, staff: Client) -> None:
    renamed, untouched = Advertiser.objects.all()[:2]
    campaigns = set(renamed.campaigns.all())
    assert staff.post(f"{ADMIN}advertiser/{renamed.pk}/change/", {"name": "Ours"}).status_code == 302
    same = {"name": untouched.name}
    assert staff.post(f"{ADMIN}advertiser/{untouched.pk}/change/", same).status_code == 302
    remove()
    assert Advertiser.objects.get().name == "Ours"
    assert set(Campaign.objects.all()) == campaigns

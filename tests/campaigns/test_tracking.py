"""The URLs of ads: what browsers get, and what is counted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.db import DataError, connection
from django.db.models import F, QuerySet
from django.test import Client
from django.utils import timezone

from campaigns import charging, decisions, repository
from campaigns.models import Campaign, Event, Kind, LastImpression, Reason, SponsoredProduct, Unbilled, Viewer
from campaigns.snapshot import refresher
from campaigns.spool import AdEvent
from catalog.models import Product
from resilience import breakers
from resilience.errors import DependencyUnavailable
from tests.campaigns import sponsors
from tests.campaigns.test_admin import someone

pytestmark = pytest.mark.django_db
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
SHOP = "http://localhost:8000"


@pytest.fixture
def ad() -> SponsoredProduct:
    return sponsors.ad(sponsors.campaign(), "PEN", "category Pens", "keyword red  Ink")


def ask(client: Client, **context: Any) -> Any:
    response = client.post("/ads", {"limit": 1} | context, content_type="application/json")
    assert response.status_code == 200
    return response.json()


def path(url: str) -> str:
    return url.removeprefix(django_settings.AD_PROVIDER_PUBLIC_URL)


@pytest.fixture
def shown(client: Client, ad: SponsoredProduct) -> dict[str, Any]:
    (found,) = ask(client, categories=["Pens"], placement="sidebar", viewer="v-1")
    assert found["sponsored"]
    return {key: value for key, value in found.items() if key in ("ad_id", "impression_url", "click_url")}


def see(client: Client, ad: dict[str, Any]) -> None:
    """Call an ad's impression URL ten seconds ago."""
    client.get(path(ad["impression_url"]), headers=BROWSER)
    Event.objects.filter(kind=Kind.IMPRESSION).update(at=F("at") - timedelta(seconds=10))


@pytest.fixture
def seen(client: Client, shown: dict[str, Any]) -> dict[str, Any]:
    see(client, shown)
    return shown


def clicks() -> QuerySet[Event]:
    return Event.objects.filter(kind=Kind.CLICK)


def unbilled() -> set[tuple[str, str, int]]:
    return set(Unbilled.objects.values_list("kind", "reason", "count"))


@pytest.mark.slow
def test_choosing_writes_nothing(client: Client, shown: dict[str, Any], ad: SponsoredProduct) -> None:
    assert shown["ad_id"] == ad.pk
    assert not Event.objects.exists()
    assert not Viewer.objects.exists()


def test_an_impression_is_an_image_of_one_pixel_and_counts_once(client: Client, shown: dict[str, Any]) -> None:
    for _ in range(3):
        response = client.get(path(shown["impression_url"]), headers=BROWSER)
        assert (response.status_code, response["Content-Type"]) == (200, "image/gif")
        assert "no-store" in response["Cache-Control"]
        assert response.content.startswith(b"GIF89a")
    event = Event.objects.get()
    assert (event.kind, event.placement, event.position, event.price) == ("impression", "sidebar", 1, 0)
    assert unbilled() == {("impression", "repeated", 2)}


def test_an_event_has_placement_target_and_search_term(client: Client, ad: SponsoredProduct) -> None:
    (found,) = ask(client, keywords=["Red  INK", "blue"], placement="search")
    see(client, found)
    client.get(path(found["click_url"]), headers=BROWSER)
    kept = set(Event.objects.values_list("placement", "target", "term"))
    assert kept == {("search", "keyword red ink", "red ink, blue")}


def test_a_long_search_is_cut_and_its_click_counts(client: Client, ad: SponsoredProduct) -> None:
    (found,) = ask(client, keywords=["red ink", *(f"{n}" + "ß" * 198 for n in range(19))], placement="\U0001f58b" * 50)
    see(client, found)
    assert client.get(path(found["click_url"]), headers=BROWSER).status_code == 302
    assert clicks().get().term == "red ink, 0" + "s" * 90


def test_a_click_leads_to_the_product_and_is_charged_once(client: Client, seen: dict[str, Any]) -> None:
    for _ in range(2):
        response = client.get(path(seen["click_url"]), headers=BROWSER)
        assert (response.status_code, response["Location"]) == (302, f"{SHOP}/item/PEN")
        assert "no-store" in response["Cache-Control"]
    assert clicks().get().price == Campaign.objects.get().spent > 0
    assert unbilled() == {("click", "repeated", 1)}


def test_a_click_leads_to_product_url(client: Client, shown: dict[str, Any], settings: Any) -> None:
    settings.PRODUCT_URL = "https://shop.example/p/{asin}?ref={asin}"
    response = client.get(path(shown["click_url"]), headers=BROWSER)
    assert response["Location"] == "https://shop.example/p/PEN?ref=PEN"
    assert client.get("/ads/click/made-up", headers=BROWSER)["Location"] == "https://shop.example/"
    decision = decisions.read(path(shown["click_url"]).removeprefix("/ads/click/"))
    odd = decisions.seal(decision._replace(asin="a/../?b"))
    response = client.get(f"/ads/click/{odd}", headers=BROWSER)
    assert response["Location"] == "https://shop.example/p/a%2F..%2F%3Fb?ref=a%2F..%2F%3Fb"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, "robot"),
        ({"User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, "robot"),
        ({"User-Agent": "curl/8.0"}, "robot"),
        ({}, "robot"),
        (BROWSER | {"Sec-Purpose": "prefetch;prerender"}, "robot"),
        (BROWSER | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, "robot"),
        (BROWSER | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, "robot"),
        (BROWSER | {"X-Moz": "prefetch"}, "robot"),
        (BROWSER | {"Purpose": "Preview"}, "robot"),
    ],
)
def test_machines_are_answered_and_not_billed(
    client: Client, seen: dict[str, Any], headers: dict[str, str], reason: str
) -> None:
    assert client.get(path(seen["click_url"]), headers=headers)["Location"] == f"{SHOP}/item/PEN"
    assert not clicks().exists()
    assert unbilled() == {("click", reason, 1)}
    client.get(path(seen["click_url"]), headers=BROWSER)  # and do not use up the limit
    assert clicks().count() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-User": "?1"},
        {"User-Agent": "okhttp/4.12.0"},
    ],
)
def test_a_click_by_a_person_is_billed_in_browsers_frames_and_apps(
    client: Client, seen: dict[str, Any], headers: dict[str, str]
) -> None:
    client.get(path(seen["click_url"]), headers=BROWSER | headers)
    assert clicks().count() == 1


def test_robots_and_prefetches_make_no_impression(client: Client, shown: dict[str, Any]) -> None:
    client.get(path(shown["impression_url"]), headers={"User-Agent": "Googlebot/2.1"})
    client.get(path(shown["impression_url"]), headers=BROWSER | {"Purpose": "prefetch"})
    client.get(path(shown["click_url"]), headers=BROWSER)
    assert unbilled() == {("impression", "robot", 2), ("click", "unseen", 1)}


def test_head_is_answered_and_not_billed(client: Client, shown: dict[str, Any]) -> None:
    assert client.head(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert client.head(path(shown["impression_url"]), headers=BROWSER).status_code == 200
    assert unbilled() == {("click", "head", 1), ("impression", "head", 1)}


def test_an_expired_url_redirects_and_is_not_billed(client: Client, shown: dict[str, Any], settings: Any) -> None:
    settings.ADS_URL_SECONDS = -1
    assert client.get(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert client.get(path(shown["impression_url"]), headers=BROWSER).status_code == 200
    assert not Event.objects.exists()
    assert Unbilled.objects.filter(campaign=Campaign.objects.get(), reason=Reason.EXPIRED).count() == 2


@pytest.mark.parametrize(
    "token", ["nonsense", "a:b:c", "W10:1tE2bJ:x", "%00", "https:%2F%2Fevil.example", "é", "x" * 3000]
)
def test_an_invalid_token_leads_to_the_shop(client: Client, token: str) -> None:
    response = client.get(f"/ads/click/{token}", headers=BROWSER)
    assert (response.status_code, response["Location"]) == (302, f"{SHOP}/")
    assert client.get(f"/ads/impression/{token}", headers=BROWSER).status_code == 200
    assert unbilled() == {("click", "signature", 1), ("impression", "signature", 1)}


def test_a_changed_price_is_forged(client: Client, shown: dict[str, Any]) -> None:
    sealed = path(shown["click_url"]).removeprefix("/ads/click/")
    changed = sealed[:60] + ("A" if sealed[60] != "A" else "B") + sealed[61:]
    assert client.get(f"/ads/click/{changed}", headers=BROWSER)["Location"] == f"{SHOP}/"
    assert not Event.objects.exists()


def test_a_click_after_the_campaign_was_paused_is_not_billed(client: Client, shown: dict[str, Any]) -> None:
    Campaign.objects.update(status="paused")
    assert client.get(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert unbilled() == {("click", "inactive", 1)}


@pytest.mark.parametrize("ending", ["/", "%0A"])
def test_trailing_characters_of_a_url_are_ignored(client: Client, seen: dict[str, Any], ending: str) -> None:
    assert client.get(path(seen["click_url"]) + ending, headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert clicks().count() == 1


def test_an_event_that_waited_too_long_does_not_count(shown: dict[str, Any]) -> None:
    decision = decisions.read(path(shown["click_url"]).removeprefix("/ads/click/"))
    late = AdEvent(Kind.CLICK, decision, timezone.now() - timedelta(days=1, seconds=1), None)
    assert repository.record_again(late) is Reason.EXPIRED
    in_time = timezone.now() - timedelta(hours=23)
    sponsors.see(decision, in_time)
    assert repository.record_again(late._replace(at=in_time)) is None


@pytest.mark.django_db(transaction=True)
def test_a_choice_without_a_query_is_not_a_probe(
    client: Client, ad: SponsoredProduct, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = refresher.latest()
    monkeypatch.setattr(refresher, "latest", lambda: latest)
    lose_database()
    database = breakers.database_breaker()
    ask(client, asin="PEN")
    monkeypatch.setattr(database, "_open_until", 0.0)  # a probe is due
    repository.get_sponsored(repository.Page(keywords=["nothing"]), limit=1, viewer=None)
    assert database.state != "closed"


def test_a_refused_statement_does_not_prevent_the_redirect(
    client: Client, shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: object) -> None:
        raise DataError("out of range")

    monkeypatch.setattr(charging, "charge", refuse)
    assert client.get(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert "an event is lost" in caplog.text


def test_a_click_is_spooled_while_its_impression_is_in_the_spool(client: Client, shown: dict[str, Any]) -> None:
    """After an outage, before the spool is delivered."""
    decision = decisions.read(path(shown["click_url"]).removeprefix("/ads/click/"))
    before = timezone.now() - timedelta(seconds=10)
    repository.spool.add(AdEvent(Kind.IMPRESSION, decision, before, None, "address"))
    client.get(path(shown["click_url"]), headers=BROWSER)
    assert not Event.objects.exists()
    assert unbilled() == set()
    assert repository.spool.deliver() == 2
    assert {event.kind for event in Event.objects.all()} == {"impression", "click"}
    assert unbilled() == set()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_pages_write_nothing(client: Client, shown: dict[str, Any], method: str) -> None:
    assert getattr(client, method)(path(shown["click_url"])).status_code == 405


def test_the_viewer_limit_of_a_campaign_holds(client: Client, ad: SponsoredProduct) -> None:
    Campaign.objects.update(viewer_limit=2)
    for _ in range(2):
        (found,) = ask(client, categories=["Pens"], viewer="somebody")
        client.get(path(found["impression_url"]), headers=BROWSER)
        LastImpression.objects.update(at=F("at") - timedelta(minutes=1))
    assert [found["sponsored"] for found in ask(client, categories=["Pens"], viewer="somebody")] == [False]
    assert [found["sponsored"] for found in ask(client, categories=["Pens"], viewer="another")] == [True]
    assert [found["sponsored"] for found in ask(client, categories=["Pens"])] == [True]


def test_nothing_personal_is_kept(client: Client, shown: dict[str, Any]) -> None:
    client.get(path(shown["impression_url"]), headers=BROWSER)
    today = Viewer.objects.values_list("day", flat=True).distinct().get()
    viewer, address = decisions.viewer_hash("v-1", today), decisions.address_hash("127.0.0.1", today)
    assert set(Viewer.objects.values_list("viewer", flat=True)) == {viewer, address}
    assert set(LastImpression.objects.values_list("client", flat=True)) == {viewer, address}
    assert viewer != decisions.viewer_hash("v-1", today + timedelta(days=1))
    assert address != decisions.address_hash("127.0.0.1", today + timedelta(days=1))


def test_keywords_are_compared_without_case_and_extra_blanks(client: Client, ad: SponsoredProduct) -> None:
    assert ask(client, keywords=["RED ink"])[0]["ad_id"] == ad.pk
    assert ask(client, keywords=["ink"])[0]["ad_id"] is None


def test_the_products_own_page_and_category_are_known(client: Client, ad: SponsoredProduct) -> None:
    Product.objects.create(asin="PAD", title="Pad", categories=["Office", "Pens"])
    assert ask(client, asin="PAD")[0]["ad_id"] == ad.pk
    assert ask(client, asin="PEN")[0]["asin"] == "PAD"  # a house ad, and never the product itself


def test_house_ads_fill_the_rest(client: Client, ad: SponsoredProduct) -> None:
    Product.objects.bulk_create(Product(asin=f"P{n}", title="Pad", categories=["Pens"]) for n in range(3))
    found = ask(client, categories=["Pens"], limit=3)
    assert [each["sponsored"] for each in found] == [True, False, False]
    assert len({each["asin"] for each in found}) == 3


def test_an_ad_of_a_deleted_product_is_not_shown(client: Client, ad: SponsoredProduct) -> None:
    Product.objects.all().delete()
    assert ask(client, categories=["Pens"]) == []


def test_explain_works_with_the_permission(client: Client, ad: SponsoredProduct) -> None:
    context = {"categories": ["Pens"], "explain": True}
    assert client.post("/ads", context, content_type="application/json").status_code == 403
    someone(client, "view_advertiser")  # staff
    assert client.post("/ads", context, content_type="application/json").status_code == 403
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_campaign"))
    sponsors.ad(sponsors.campaign("Paused", status="paused"), "PAD", "category Pens")
    found = client.post("/ads", context, content_type="application/json").json()
    assert [each["asin"] for each in found["ads"] if each["sponsored"]] == ["PEN"]
    outcomes = {each["asin"]: each["outcome"] for each in found["candidates"]}
    assert outcomes == {"PEN": "won place 1", "PAD": "paused"}
    assert found["candidates"][0]["target"] == "category Pens"


@pytest.mark.django_db(transaction=True)
def test_explain_is_503_during_a_database_outage(client: Client, lose_database: Callable[[], None]) -> None:
    someone(client, "view_campaign")
    lose_database()
    for explain, status in ((True, 503), (False, 200)):
        response = client.post("/ads", {"explain": explain}, content_type="application/json")
        assert response.status_code == status


@pytest.mark.django_db(transaction=True)
def test_urls_answer_and_events_are_spooled_during_a_database_outage(
    client: Client, shown: dict[str, Any], lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = dict(connection.settings_dict)
    lose_database()
    moment = timezone.now() - timedelta(seconds=10)
    with monkeypatch.context() as earlier:
        earlier.setattr(timezone, "now", lambda: moment)
        assert client.get(path(shown["impression_url"]), headers=BROWSER).status_code == 200
    for _ in range(2):
        assert client.get(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert client.get("/ads/click/nonsense", headers=BROWSER)["Location"] == f"{SHOP}/"
    with pytest.raises(DependencyUnavailable):
        repository.spool.deliver()

    connection.close()
    for name, value in there.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    breakers.get.cache_clear()
    assert repository.spool.deliver() == 4
    assert {event.kind: event.price > 0 for event in Event.objects.all()} == {"click": True, "impression": False}
    assert Campaign.objects.get().spent > 0
    assert unbilled() == {("click", "signature", 1)}
    assert repository.spool.deliver() == 0

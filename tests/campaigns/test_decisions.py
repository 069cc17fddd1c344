"""Decisions are encrypted into the URLs of ads and read from them."""

import base64
from datetime import date
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import signing
from django.test import Client

from campaigns import decisions
from campaigns.decisions import Decision, Expired, Forged
from campaigns.models import Campaign, Event
from catalog import rules
from tests.campaigns import sponsors
from tests.campaigns.test_tracking import BROWSER, SHOP, ask, path, see

OLD, NEW = "old" * 20, "new" * 20
DECISION = Decision("id", 1, 2, "PEN", 3, 40_000, "sidebar", "viewer")


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []


@pytest.mark.slow
@pytest.mark.django_db
def test_a_click_sealed_with_a_fallback_key_redirects_and_counts(client: Client, settings: Any) -> None:
    sponsors.ad(sponsors.campaign(), "PEN", "category Pens")
    (shown,) = ask(client, categories=["Pens"])
    see(client, shown)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert client.get(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/PEN"
    assert client.get(path(shown["impression_url"]), headers=BROWSER).status_code == 200
    assert {event.kind for event in Event.objects.all()} == {"click", "impression"}
    assert Campaign.objects.get().spent > 0


@pytest.mark.django_db
def test_the_longest_asin_is_advertised_and_clicked(client: Client) -> None:
    asin = "P" * rules.MAX_ASIN
    sponsors.ad(sponsors.campaign(), asin, "category Pens")
    (shown,) = ask(client, categories=["Pens"])
    assert client.get(path(shown["click_url"]), headers=BROWSER)["Location"] == f"{SHOP}/item/{asin}"


def test_a_token_of_a_fallback_key_expires_too(settings: Any) -> None:
    token = decisions.seal(DECISION)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert decisions.read(token) == DECISION
    settings.ADS_URL_SECONDS = -1
    with pytest.raises(Expired) as expired:
        decisions.read(token)
    assert expired.value.decision == DECISION


def test_a_token_of_an_unknown_key_is_forged(settings: Any) -> None:
    token = decisions.seal(DECISION)
    settings.SECRET_KEY = NEW
    with pytest.raises(Forged):
        decisions.read(token)


@pytest.mark.parametrize("seconds", [3600, -1])
@pytest.mark.parametrize("signed", [[], [*DECISION, "one more"], "text", 3, None, {"id": "x"}])
def test_a_signed_text_that_is_no_decision_is_forged(settings: Any, signed: object, seconds: int) -> None:
    settings.ADS_URL_SECONDS = seconds
    with pytest.raises(Forged):
        decisions.read(signing.dumps(signed, salt="campaigns.decision"))


def test_a_price_cannot_be_read_from_a_url() -> None:
    sealed = decisions.seal(DECISION)
    held = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    for word in (b"40000", b"PEN", b"sidebar", b"viewer"):
        assert word not in held
    assert sealed != decisions.seal(DECISION)  # the same decision twice looks different
    assert decisions.read(sealed) == DECISION


def test_a_url_has_room_for_it() -> None:
    real = Decision(
        "x" * 22, 20_000, 2_000, "B00AAAAA12", 3, 140_481, "sidebar", "y" * 22, "keyword gel pen", "gel pen"
    )
    assert len(decisions.seal(real)) <= 260


@pytest.mark.parametrize("place", range(0, 138, 7))
def test_a_sealed_url_that_was_changed_is_forged(place: int) -> None:
    sealed = decisions.seal(DECISION)
    changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
    with pytest.raises(Forged):
        decisions.read(changed)


def test_a_signed_url_of_an_earlier_release_is_read_until_its_time_is_over(settings: Any) -> None:
    token = signing.dumps(DECISION, salt="campaigns.decision")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert decisions.read(token) == DECISION
    settings.ADS_URL_SECONDS = -1
    with pytest.raises(Expired) as expired:
        decisions.read(token)
    assert expired.value.decision == DECISION


def test_a_signature_for_another_purpose_is_forged() -> None:
    with pytest.raises(Forged):
        decisions.read(signing.dumps(DECISION))


def test_no_two_decisions_have_one_id() -> None:
    ids = {decisions.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(each) for each in ids} == {22}


def test_a_viewer_has_one_hash_a_day_that_tells_nothing_without_the_key(settings: Any) -> None:
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    first = decisions.viewer_hash("v-1", monday)
    assert first == decisions.viewer_hash("v-1", monday)
    assert len(first) == 22
    others = {decisions.viewer_hash("v-1", tuesday), decisions.viewer_hash("v-2", monday)}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    others.add(decisions.viewer_hash("v-1", monday))
    others.add(decisions.address_hash("v-1", monday))
    assert len(others - {first}) == 4


def test_it_fits_into_a_url() -> None:
    token = decisions.seal(DECISION)
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert django_settings.SECRET_KEY not in token

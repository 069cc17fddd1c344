"""Products that are not listed, out of stock or deleted are in no ad, whatever the source of the answer."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from campaigns import snapshot
from campaigns.snapshot import refresher
from catalog.defaults import HOUSE_ADS
from catalog.models import Product, Withdrawal
from catalog.withdrawals import withdrawals
from tests.campaigns import sponsors

pytestmark = pytest.mark.django_db(transaction=True)

HIDDEN = {"PEN1", "PEN5", "PAPER0", "PAPER1"}
HOUSE = {asin for asin, *_ in HOUSE_ADS}


@pytest.fixture(autouse=True)
def nothing_withdrawn() -> None:
    """On SQLite, to clear the tables after another test deletes its products."""
    Withdrawal.objects.all().delete()


@pytest.fixture
def sponsored(shop: list[Product]) -> None:
    for asin in ("PEN1", "PEN2", "PAPER0"):
        sponsors.ad(sponsors.campaign(asin), asin, "category Pens")


def asins(client: Client, source: str, **context: object) -> set[str]:
    response = client.post("/ads", {"asin": "PEN0", "limit": 40} | context, content_type="application/json")
    assert response["X-Data-Source"] == source
    return {ad["asin"] for ad in response.json()}


def hide(how: str) -> None:
    """As another process does it."""
    chosen = Product.objects.filter(asin__in=HIDDEN)
    if how == "deleted":
        chosen.delete()
    else:
        chosen.update(**{how: False})


@pytest.mark.parametrize("how", ["is_listed", "in_stock", "deleted"])
def test_a_withdrawn_product_is_in_no_ad_live_stale_or_default(
    how: str, client: Client, sponsored: None, lose_database: Callable[[], None]
) -> None:
    everything = set(Product.objects.values_list("asin", flat=True)) - {"PEN0"}
    assert asins(client, "live") == everything
    hide(how)
    assert asins(client, "live") == everything - HIDDEN
    withdrawals.read()  # what a background thread does all the time
    lose_database()
    found = asins(client, "stale")
    assert not found & HIDDEN
    assert asins(client, "default", asin="NEW") == HOUSE


def test_an_older_snapshot_sponsors_nothing_that_was_withdrawn_since(
    client: Client, sponsored: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = snapshot.read()
    monkeypatch.setattr(refresher, "latest", lambda: older)
    hide("in_stock")
    assert not asins(client, "live") & HIDDEN


@pytest.mark.parametrize("how", ["is_listed", "in_stock"])
def test_an_ad_of_a_hidden_product_takes_part_in_no_auction(how: str, sponsored: None) -> None:
    hide(how)
    ads = {ad.asin for found in snapshot.load_ads()[0].values() for ad, _ in found}
    assert ads == {"PEN2"}
    assert snapshot.load_campaigns(datetime.now(UTC))

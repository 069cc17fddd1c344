"""Campaigns for tests, without limits unless a test sets them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.charging import charge
from campaigns.decisions import Decision
from campaigns.models import MICROS, Advertiser, Campaign, Kind, Reason, Shown, SponsoredProduct, Target
from catalog.models import Product

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def campaign(name: str = "Pens", **fields: Any) -> Campaign:
    advertiser, _ = Advertiser.objects.get_or_create(name="Quill & Co")
    given = {
        "starts": LONG_AGO,
        "daily_budget": 10 * MICROS,
        "total_budget": 100 * MICROS,
        "pacing": Campaign.Pacing.ASAP,
    } | fields
    return Campaign.objects.create(advertiser=advertiser, name=name, **given)


def ad(of: Campaign, asin: str, *places: str, bid: int = 500_000, **counters: int) -> SponsoredProduct:
    """Create an ad, and its product if necessary. ``places`` are like ``category Pens``, negative ``-keyword red``."""
    Product.objects.get_or_create(asin=asin, defaults={"title": asin})
    made = SponsoredProduct.objects.create(campaign=of, product_id=asin, **counters)
    for place in places:
        kind, value = place.removeprefix("-").split(" ", 1)
        negative = place.startswith("-")
        Target.objects.create(ad=made, kind=kind, value=value, negative=negative, bid=None if negative else bid)
    return made


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def see(decision: Decision, at: datetime, seconds: float = 10) -> None:
    """Store an impression some seconds before ``at`` as evidence for clicks. It does not affect the click rate."""
    Shown.objects.get_or_create(
        decision=decision.id, ad_id=decision.ad, defaults={"at": at - timedelta(seconds=seconds)}
    )


def happen(kind: Kind, decision: Decision, at: datetime, address: str = "") -> Reason | None:
    """Charge an impression, or a click on an ad that was seen before."""
    return click(decision, at, address) if kind is Kind.CLICK else charge(kind, decision, at, address)


def click(decision: Decision, at: datetime, address: str = "") -> Reason | None:
    """Charge a click on an ad that was seen before."""
    see(decision, at)
    return charge(Kind.CLICK, decision, at, address)

"""A campaign with one ad, and events counted as charging counts them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from campaigns.demo.history import EVENT_DAYS
from campaigns.models import MICROS, Advertiser, Campaign, Day, Event, Kind, SponsoredProduct
from catalog.models import Product


def days_ago(days: int) -> datetime:
    """Return noon of a past day, so that no test spans two days; for today the current time."""
    noon = timezone.now().astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return noon - timedelta(days=days) if days else timezone.now()


@pytest.fixture
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo has events and daily figures as ever, but of fewer days."""
    monkeypatch.setattr("campaigns.demo.history.HISTORY", EVENT_DAYS + 1)


@pytest.fixture
def patient_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite, connections that are opened from now on wait long for the writer before them.

    SQLite lets those who wait try again at times of its own and in no order. On a busy machine one of several may miss
    its turn for DB_DEADLINE.
    """
    if connection.vendor == "sqlite":
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 60)


@pytest.fixture
def campaign(db: None) -> Campaign:
    return Campaign.objects.create(
        advertiser=Advertiser.objects.create(name="Hollin"),
        name="Home office",
        starts=days_ago(200),
        daily_budget=5 * MICROS,
        total_budget=100 * MICROS,
    )


@pytest.fixture
def ad(campaign: Campaign) -> SponsoredProduct:
    pen = Product.objects.create(asin="PEN", title="Gel pen", categories=["Pens"])
    return SponsoredProduct.objects.create(campaign=campaign, product=pen)


def happen(ad: SponsoredProduct, price: int = 0, days: int = 0, kind: Kind | None = None, **cut: str) -> Event:
    """Create a click if there is a price, else an impression, some days ago. ``cut`` has placement, target and term."""
    at = days_ago(days)
    event = Event.objects.create(
        decision=uuid4().hex[:22],
        ad=ad,
        campaign_id=ad.campaign_id,
        kind=kind or (Kind.CLICK if price else Kind.IMPRESSION),
        at=at,
        day=at.date(),
        position=1,
        price=price,
        **cut,
    )
    if price:
        charge(ad.campaign_id, price, at)
    return event


def charge(campaign: int, price: int, at: datetime) -> None:
    """Add a price to the counters."""
    Campaign.objects.filter(pk=campaign).update(spent=F("spent") + price)
    day, _ = Day.objects.get_or_create(campaign_id=campaign, day=at.date(), defaults={"budget": 5 * MICROS})
    Day.objects.filter(pk=day.pk).update(spent=F("spent") + price)


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client

"""Counts impressions and clicks and charges for them: once per decision and ad, and within the budgets.

The database decides; campaigns.statements has the SQL. On PostgreSQL an event is one statement, behind advisory locks
of its clients. CHECK constraints bound the spend: if two clicks compete for the last of a budget, the statement of the
second one fails. SQLite has one writer at a time and runs the same steps in a transaction.

A client is a viewer (the hash of the caller's key) or an address. An event has up to two clients, each with limits.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import Sum

from campaigns import evidence, running, statements
from campaigns.choice import CLIENT_IMPRESSIONS, TYPICAL_RATE
from campaigns.decisions import Decision
from campaigns.models import Campaign, Day, Event, Kind, LastImpression, Reason, Shown, SponsoredProduct, Viewer, day_of
from resilience.database import atomic

CLIENT_CLICKS = 3  # billed per campaign and day
CLIENT_SHOWN = round(CLIENT_CLICKS / TYPICAL_RATE)  # uncounted impressions stored per campaign and day
MOST = {Kind.CLICK: CLIENT_CLICKS, Kind.IMPRESSION: CLIENT_IMPRESSIONS}
APART = timedelta(minutes=1)  # between impressions of one ad and client that count
# A person saw these impressions and may click, though they do not count.
SEEN = {Reason.OFTEN, Reason.VIEWER, Reason.ADDRESS}

_UNBILLED = """
    INSERT INTO campaigns_unbilled (campaign_id, day, kind, reason, count)
    VALUES ((SELECT id FROM campaigns_campaign WHERE id = %s), %s, %s, %s, 1)
    ON CONFLICT (COALESCE(campaign_id, 0), day, kind, reason) DO UPDATE SET count = campaigns_unbilled.count + 1
"""


class _Refused(Exception):
    """Another click came first: roll back this one."""


def charge(kind: Kind, decision: Decision, at: datetime, address: str = "") -> Reason | None:
    """Count an impression or a click, and charge for it. Return None if it counts, else the reason why not.

    ``at`` is the time of the event and decides its day. ``address`` is the hash of the client's address, or empty.
    Raises django.db.Error.
    """
    parameters = _parameters(kind, decision, at, address)
    if _counted(kind, parameters):
        return None
    reason = _reason(kind, decision, at, address)
    if reason is Reason.BUDGET:  # or the day has no row yet
        _begin_day(decision.campaign, at)
        if _counted(kind, parameters):
            return None
        reason = _reason(kind, decision, at, address)
    if kind is Kind.IMPRESSION and reason in SEEN:
        evidence.keep(decision, at, address or decision.viewer, CLIENT_SHOWN)
    return reason


def _parameters(kind: Kind, decision: Decision, at: datetime, address: str) -> dict[str, Any]:
    midnight = datetime.combine(day_of(at), time(), UTC)
    return {
        "decision": decision.id,
        "ad": decision.ad,
        "campaign": decision.campaign,
        "kind": kind.value,
        "at": at,
        "day": day_of(at),
        "midnight": midnight,
        "next_midnight": midnight + timedelta(days=1),
        "minute_ago": at - APART,
        "in_a_minute": at + APART,
        "position": decision.position,
        "placement": decision.placement,
        "target": decision.target,
        "term": decision.term,
        "price": decision.price if kind is Kind.CLICK else 0,
        "viewer": decision.viewer,
        "address": address,
        "client": decision.viewer or address,
        "most": MOST[kind],
        "address_clicks": settings.ADS_ADDRESS_CLICKS,
        "impression": int(kind is Kind.IMPRESSION),
        **evidence.bounds(at),
    }


def _counted(kind: Kind, parameters: dict[str, Any]) -> bool:
    try:
        # A transaction; in tests a savepoint.
        with atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(statements.POSTGRESQL[kind], parameters)
                events, firsts = cursor.fetchone()
                if events and not firsts:
                    raise _Refused
                return bool(events)
            event, *steps = statements.SQLITE[kind]
            cursor.execute(event, parameters)
            if not cursor.rowcount:
                return False
            for step in steps:
                cursor.execute(step, parameters)
            return True
    except (IntegrityError, _Refused):  # another click spent the money: a CHECK failed, or the day's line was passed
        return False


def _begin_day(campaign: int, at: datetime) -> None:
    """Insert the row of the day if there is none."""
    budget = Campaign.objects.filter(pk=campaign).values_list("daily_budget", flat=True).first()
    if budget is not None and not Day.objects.filter(campaign=campaign, day=day_of(at)).exists():
        Day.objects.bulk_create([Day(campaign_id=campaign, day=day_of(at), budget=budget)], ignore_conflicts=True)


def _reason(kind: Kind, decision: Decision, at: datetime, address: str) -> Reason:
    of = {"decision": decision.id, "ad": decision.ad}
    if Event.objects.filter(**of, kind=kind).exists():
        return Reason.REPEATED
    if kind is Kind.IMPRESSION and Shown.objects.filter(**of).exists():
        return Reason.REPEATED
    ad = SponsoredProduct.objects.filter(pk=decision.ad).select_related("campaign").first()  # or deleted
    if ad is None or running.why_not(ad.campaign, at):
        return Reason.INACTIVE
    if kind is Kind.IMPRESSION:
        return _limit(kind, ad.campaign, decision.viewer, at, address) or _impression(decision, at, address)
    return (
        evidence.missing(decision, at)
        or _limit(kind, ad.campaign, decision.viewer, at, address)
        or _money(ad.campaign, decision.price, at)
    )


def _limit(kind: Kind, campaign: Campaign, viewer: str, at: datetime, address: str) -> Reason | None:
    """Return which client's limit is reached, if any."""
    seen = Viewer.objects.filter(day=day_of(at))
    for client, reason in ((viewer, Reason.VIEWER), (address, Reason.ADDRESS)):
        row = seen.filter(viewer=client, campaign=campaign).first() if client else None
        if row is None:
            continue
        if kind is Kind.CLICK and row.clicks >= MOST[kind]:
            return reason
        limit = campaign.viewer_limit if client == (viewer or address) else None
        if kind is Kind.IMPRESSION and row.impressions >= min(MOST[kind], limit or MOST[kind]):
            return reason
    if kind is Kind.CLICK and address:
        clicks = seen.filter(viewer=address).aggregate(clicks=Sum("clicks", default=0))["clicks"]
        return Reason.ADDRESS if clicks >= settings.ADS_ADDRESS_CLICKS else None
    return None


def _impression(decision: Decision, at: datetime, address: str) -> Reason:
    last = LastImpression.objects.filter(client__in={decision.viewer, address} - {""}, ad=decision.ad)
    is_often = last.filter(at__gt=at - APART, at__lt=at + APART).exists()
    return Reason.OFTEN if is_often else Reason.INACTIVE


def _money(campaign: Campaign, price: int, at: datetime) -> Reason:
    day = Day.objects.filter(campaign=campaign, day=day_of(at)).first()
    left = min(campaign.total_budget - campaign.spent, day.budget - day.spent) if day else 0
    is_even = campaign.pacing == Campaign.Pacing.EVEN
    return Reason.PACE if is_even and price <= left else Reason.BUDGET


def count_unbilled(kind: Kind, campaign: int | None, at: datetime, reason: Reason) -> None:
    """Count an event that is not billed. Raises django.db.Error, InDoubt if it may have been counted."""
    with atomic(), connection.cursor() as cursor:
        cursor.execute(_UNBILLED, [campaign, day_of(at), kind.value, reason.value])

"""What counts, and what it costs, is decided by the database: once for each decision and ad, and within the budgets.

On PostgreSQL a click is one statement. What is spent is bounded by CHECK constraints: where two clicks are after the
last of a budget, the second one's statement fails as a whole. SQLite has one writer at a time, and runs the same steps
in a transaction.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection

from campaigns.decisions import Decision
from campaigns.models import Campaign, Day, Event, Kind, Reason, Viewer, day_of
from resilience.database import atomic

VIEWER_CLICKS = 3  # of a campaign and day that are billed

_EVENT = """
    INSERT INTO campaigns_event (decision, ad_id, campaign_id, kind, at, day, position, placement, target, term, price)
    SELECT %(decision)s, a.id, c.id, %(kind)s, %(at)s, %(day)s, %(position)s, %(placement)s,
        %(target)s, %(term)s, %(price)s
    FROM campaigns_sponsoredproduct a
    JOIN campaigns_campaign c ON c.id = a.campaign_id
    LEFT JOIN campaigns_day d ON d.campaign_id = c.id AND d.day = %(day)s
    WHERE a.id = %(ad)s AND c.status = 'active' AND c.starts <= %(at)s AND (c.ends IS NULL OR c.ends > %(at)s)
      AND (%(price)s = 0 OR (c.spent + %(price)s <= c.total_budget AND d.spent + %(price)s <= d.budget))
      AND NOT EXISTS (
        SELECT 1 FROM campaigns_viewer v WHERE v.day = %(day)s AND v.viewer = %(viewer)s AND v.campaign_id = c.id
        AND CASE WHEN %(kind)s = 'click' THEN v.clicks >= %(clicks)s ELSE v.impressions >= c.viewer_limit END)
    ON CONFLICT (decision, ad_id, kind) DO NOTHING
"""
# What follows from it. In this order, which is the admin's too, so that no two wait for each other in a circle.
_DAY = "UPDATE campaigns_day SET spent = spent + %(price)s WHERE campaign_id = %(campaign)s AND day = %(day)s {guard}"
_TOTAL = "UPDATE campaigns_campaign SET spent = spent + %(price)s WHERE id = %(campaign)s {guard}"
_AD = "UPDATE campaigns_sponsoredproduct SET {column} = {column} + 1 WHERE id = %(ad)s {guard}"
_VIEWER = """
    INSERT INTO campaigns_viewer (campaign_id, day, viewer, impressions, clicks)
    SELECT %(campaign)s, %(day)s, %(viewer)s, %(impression)s, 1 - %(impression)s WHERE %(viewer)s <> '' {guard}
    ON CONFLICT (day, viewer, campaign_id) DO UPDATE SET {column} = campaigns_viewer.{column} + 1
"""
_UNBILLED = """
    INSERT INTO campaigns_unbilled (campaign_id, day, kind, reason, count)
    VALUES ((SELECT id FROM campaigns_campaign WHERE id = %s), %s, %s, %s, 1)
    ON CONFLICT (COALESCE(campaign_id, 0), day, kind, reason) DO UPDATE SET count = campaigns_unbilled.count + 1
"""


def _steps(kind: Kind, guard: Callable[[int], str]) -> list[str]:
    """``guard`` gives what else must hold for the step of this number."""
    column = "clicks" if kind == Kind.CLICK else "impressions"
    steps = [_DAY, _TOTAL, _AD, _VIEWER] if kind == Kind.CLICK else [_AD, _VIEWER]
    return [step.format(column=column, guard=guard(number)) for number, step in enumerate(steps)]


def _in_one_statement(kind: Kind) -> str:
    # Each step asks for the one before: without that their order, and so that of the locks, would be anybody's guess.
    steps = _steps(kind, lambda number: f"AND EXISTS (SELECT 1 FROM step_{number})")  # noqa: S608
    parts = ", ".join(f"step_{number} AS ({step} RETURNING 1)" for number, step in enumerate([_EVENT, *steps]))
    return f"WITH {parts} SELECT count(*) FROM step_0"  # noqa: S608  only texts from above


_STATEMENTS = {kind: _in_one_statement(kind) for kind in Kind}


def charge(kind: Kind, decision: Decision, at: datetime) -> Reason | None:
    """Count an impression or a click, and charge for it. None where it counts, else the reason why not.

    ``at`` is when it happened, by which it has its day. Raises django.db.Error.
    """
    parameters = {
        "decision": decision.id,
        "ad": decision.ad,
        "campaign": decision.campaign,
        "kind": kind.value,
        "at": at,
        "day": day_of(at),
        "position": decision.position,
        "placement": decision.placement,
        "target": decision.target,
        "term": decision.term,
        "price": decision.price if kind == Kind.CLICK else 0,
        "viewer": decision.viewer,
        "clicks": VIEWER_CLICKS,
        "impression": int(kind == Kind.IMPRESSION),
    }
    if _counted(kind, parameters):
        return None
    reason = _reason(kind, decision, at)
    if reason is Reason.BUDGET:  # as it looks too where there is no budget of the day yet
        _begin_day(decision.campaign, at)
        if _counted(kind, parameters):
            return None
    return reason


def _counted(kind: Kind, parameters: dict[str, Any]) -> bool:
    if connection.vendor == "postgresql":
        try:
            # In a transaction of its own, or in a savepoint of a test's.
            with atomic(), connection.cursor() as cursor:
                if parameters["viewer"]:  # one at a time, or all of them would see that there is room for one more
                    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [parameters["viewer"]])
                cursor.execute(_STATEMENTS[kind], parameters)
                return bool(cursor.fetchone()[0])
        except IntegrityError:  # a CHECK: the budget was spent meanwhile
            return False
    with atomic(), connection.cursor() as cursor:
        cursor.execute(_EVENT, parameters)
        if not cursor.rowcount:
            return False
        for step in _steps(kind, lambda number: ""):
            cursor.execute(step, parameters)
        return True


def _begin_day(campaign: int, at: datetime) -> None:
    """See to it that there is a budget of the day."""
    budget = Campaign.objects.filter(pk=campaign).values_list("daily_budget", flat=True).first()
    if budget is not None and not Day.objects.filter(campaign=campaign, day=day_of(at)).exists():
        Day.objects.bulk_create([Day(campaign_id=campaign, day=day_of(at), budget=budget)], ignore_conflicts=True)


def _reason(kind: Kind, decision: Decision, at: datetime) -> Reason:
    if Event.objects.filter(decision=decision.id, ad=decision.ad, kind=kind).exists():
        return Reason.REPEATED
    campaign = Campaign.objects.filter(pk=decision.campaign).first()
    if (
        campaign is None
        or campaign.status != Campaign.Status.ACTIVE
        or at < campaign.starts
        or (campaign.ends and at >= campaign.ends)
    ):
        return Reason.INACTIVE
    limits = {"clicks__gte": VIEWER_CLICKS} if kind == Kind.CLICK else {"impressions__gte": campaign.viewer_limit}
    seen = Viewer.objects.filter(campaign=campaign, day=day_of(at), viewer=decision.viewer)
    if decision.viewer and None not in limits.values() and seen.filter(**limits).exists():
        return Reason.VIEWER
    return Reason.BUDGET if kind == Kind.CLICK else Reason.INACTIVE


def count_unbilled(kind: Kind, campaign: int | None, at: datetime, reason: Reason) -> None:
    """One more that does not count. Raises django.db.Error: InDoubt where it may have been counted."""
    with atomic(), connection.cursor() as cursor:
        cursor.execute(_UNBILLED, [campaign, day_of(at), kind.value, reason.value])

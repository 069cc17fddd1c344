"""Reports of campaigns, and the comparison of the counters with the ledger.

The ledger is the events plus the daily figures that older events are folded into. One statement reads both, so an event
is counted once even while it is being folded.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from campaigns.models import Campaign, DailyFigures, Day, Event, Kind, Unbilled

DIMENSIONS = ("placement", "target", "term")  # that a report can be filtered by, besides days
# A search term without a click is named from this many impressions on. Else anybody could write into a report by asking
# for ads with invented terms.
TERM_NAMED_FROM = 1000

_COUNTED = """
    SELECT campaign_id, {day} AS day, SUM(ledger), SUM(counter) FROM (
        SELECT campaign_id, day, price AS ledger, 0 AS counter FROM {events} WHERE price > 0
        UNION ALL SELECT campaign_id, day, spent, 0 FROM {figures}
        UNION ALL SELECT {counters}
    ) AS parts GROUP BY {key} HAVING SUM(ledger) <> SUM(counter)
"""

_RANKED = """
    WITH parts (value, shown, clicked, paid) AS ({parts})
    SELECT value, SUM(shown), SUM(clicked), SUM(paid) FROM parts
    GROUP BY value HAVING SUM(clicked) > 0 OR SUM(shown) >= %s OR value = ''
    ORDER BY SUM(clicked) DESC, SUM(shown) DESC, value LIMIT %s
"""


@dataclass
class Totals:
    """Figures of a campaign and a day, or sums of them. Money is in micros. ``unbilled`` counts by kind and reason."""

    impressions: int = 0
    clicks: int = 0
    spent: int = 0
    unbilled: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def click_rate(self) -> float | None:
        """Clicks per impression. None if there are more clicks than impressions.

        A click may follow an impression that does not count, or one of the day before.
        """
        return self.clicks / self.impressions if self.impressions >= max(self.clicks, 1) else None

    @property
    def average_price(self) -> int | None:
        """The average price of a click in micros, None without a click."""
        return round(self.spent / self.clicks) if self.clicks else None

    def add(self, other: "Totals") -> None:
        self.impressions += other.impressions
        self.clicks += other.clicks
        self.spent += other.spent
        self.unbilled += other.unbilled


@dataclass(frozen=True)
class Difference:
    """A counter that differs from the ledger: a campaign's total, or that of a ``day``. In micros."""

    campaign: int
    day: date | None
    ledger: int
    counter: int

    @property
    def micros(self) -> int:
        return self.ledger - self.counter


@dataclass(frozen=True)
class Cut:
    """A filter of events; None does not filter. Days are inclusive. An empty text is a value."""

    since: date | None = None
    until: date | None = None
    placement: str | None = None
    target: str | None = None
    term: str | None = None

    def days(self) -> Q:
        chosen = Q() if self.since is None else Q(day__gte=self.since)
        return chosen if self.until is None else chosen & Q(day__lte=self.until)

    def values(self) -> dict[str, str]:
        """Return the filters besides days. Unbilled events are not known by these."""
        named = {name: getattr(self, name) for name in DIMENSIONS}
        return {name: value for name, value in named.items() if value is not None}


def by_day(campaigns: Collection[int] | None = None, cut: Cut = Cut()) -> dict[tuple[int, date], Totals]:
    """Return the figures by campaign and day, sorted; of all campaigns unless some are given. Two queries."""
    found: dict[tuple[int, date], Totals] = {}
    chosen = cut.days() if campaigns is None else cut.days() & Q(campaign__in=campaigns)
    for campaign, day, shown, clicked, paid in _ledger(chosen & Q(**cut.values()), "campaign_id", "day"):
        found.setdefault((campaign, day), Totals()).add(Totals(int(shown), int(clicked), int(paid)))
    unbilled = Unbilled.objects.filter(chosen, campaign__isnull=False).values_list(
        "campaign_id", "day", "kind", "reason", "count"
    )
    for campaign, day, kind, reason, number in [] if cut.values() else unbilled:
        found.setdefault((campaign or 0, day), Totals()).add(Totals(unbilled=Counter({(kind, reason): number})))
    return dict(sorted(found.items()))


def by_dimension(dimension: str, campaign: int, cut: Cut = Cut(), most: int = 100) -> dict[str, Totals]:
    """Return the figures of one campaign by one of DIMENSIONS, most clicks first, then most impressions.

    At most ``most`` values. Terms are included if they were clicked or seen TERM_NAMED_FROM times. One query.
    """
    ledger = _ledger(cut.days() & Q(campaign=campaign, **cut.values()), dimension)
    parts, parameters = ledger.query.sql_with_params()
    with connection.cursor() as cursor:
        named_from = TERM_NAMED_FROM if dimension == "term" else 0
        cursor.execute(_RANKED.format(parts=parts), [*parameters, named_from, most])
        return {value: Totals(int(shown), int(clicked), int(paid)) for value, shown, clicked, paid in cursor}


def _ledger(chosen: Q, *columns: str) -> QuerySet[Any, Any]:
    """Return impressions, clicks and spend by ``columns``. A value in both events and daily figures has two rows."""
    events = Event.objects.filter(chosen).order_by().values_list(*columns)
    folded = DailyFigures.objects.filter(chosen).order_by().values_list(*columns)
    return events.annotate(
        shown=Count("pk", filter=Q(kind=Kind.IMPRESSION)),
        clicked=Count("pk", filter=Q(kind=Kind.CLICK)),
        paid=Sum("price"),
    ).union(folded.annotate(shown=Sum("impressions"), clicked=Sum("clicks"), paid=Sum("spent")), all=True)


def total(figures: Collection[Totals]) -> Totals:
    summed = Totals()
    for each in figures:
        summed.add(each)
    return summed


def differences() -> list[Difference]:
    """Return all counters that differ from the ledger, of totals and of days. One query."""
    tables = {"events": Event._meta.db_table, "figures": DailyFigures._meta.db_table}
    totals = _COUNTED.format(
        **tables, day="NULL", key="campaign_id", counters=f"id, NULL, 0, spent FROM {Campaign._meta.db_table}"
    )
    days = _COUNTED.format(
        **tables, day="day", key="campaign_id, day", counters=f"campaign_id, day, 0, spent FROM {Day._meta.db_table}"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{days} UNION ALL {totals}")
        found = [
            Difference(campaign, date.fromisoformat(str(day)) if day else None, int(ledger), int(counter))
            for campaign, day, ledger, counter in cursor.fetchall()
        ]
    return sorted(found, key=lambda each: (each.campaign, each.day or date.min))

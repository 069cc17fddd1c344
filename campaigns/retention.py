"""Folds old events into daily figures, and deletes the data of viewers and addresses."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection, transaction
from django.utils import timezone

from campaigns.models import DailyFigures, Event, Kind, LastImpression, Shown, Viewer, day_of
from service import advisory_locks

# How long data of clients is kept. Limits are per day, but a click may come a day after its impression and be charged a
# day later.
VIEWER_DAYS = 2

_FOLD = f"""
    INSERT INTO {DailyFigures._meta.db_table}
        (ad_id, campaign_id, day, placement, target, term, impressions, clicks, spent)
    SELECT ad_id, campaign_id, day, placement, target, term,
        SUM(CASE WHEN kind = '{Kind.IMPRESSION.value}' THEN 1 ELSE 0 END),
        SUM(CASE WHEN kind = '{Kind.CLICK.value}' THEN 1 ELSE 0 END), SUM(price)
    FROM {{source}} WHERE day = %s GROUP BY ad_id, campaign_id, day, placement, target, term
    ON CONFLICT (ad_id, day, placement, target, term) DO UPDATE SET
        impressions = {DailyFigures._meta.db_table}.impressions + excluded.impressions,
        clicks = {DailyFigures._meta.db_table}.clicks + excluded.clicks,
        spent = {DailyFigures._meta.db_table}.spent + excluded.spent
"""  # noqa: S608  only names from the code, no values
_DELETE = f"DELETE FROM {Event._meta.db_table} WHERE day = %s"  # noqa: S608


@dataclass
class Done:
    days: int = 0
    events: int = 0
    viewers: int = 0


def roll_up(older_than: int) -> Done:
    """Fold the events of days more than ``older_than`` days ago, one transaction per day."""
    today = day_of(timezone.now())
    done = Done()
    days = Event.objects.filter(day__lt=today - timedelta(days=older_than)).order_by("day").values_list("day")
    for (day,) in list(days.distinct()):
        done.days += 1
        done.events += _fold(day)
    oldest = today - timedelta(days=VIEWER_DAYS)
    for forgotten in (
        Viewer.objects.filter(day__lt=oldest),
        LastImpression.objects.filter(at__date__lt=oldest),
        Shown.objects.filter(at__date__lt=oldest),
    ):
        done.viewers += forgotten.delete()[0]
    return done


def _fold(day: date) -> int:
    """Fold one day and return the number of events. Deletes exactly what it sums, whatever others write meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One roll-up at a time, to prevent deadlocks.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [advisory_locks.ROLL_UP])
            # One statement, because a late event may be written between two.
            cursor.execute(
                f"WITH gone AS ({_DELETE} RETURNING *), folded AS ({_FOLD.format(source='gone')}) "  # noqa: S608
                "SELECT count(*) FROM gone",
                [day, day],
            )
            events: int = cursor.fetchone()[0]
        else:  # SQLite has one writer at a time
            cursor.execute(_FOLD.format(source=Event._meta.db_table), [day])
            cursor.execute(_DELETE, [day])
            events = cursor.rowcount
    return events

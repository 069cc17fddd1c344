"""Whether an ad was seen before it was clicked: an impression of the same decision in the ledger or in Shown."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from campaigns.decisions import Decision
from campaigns.models import Event, Kind, Reason, Shown, day_of
from resilience.database import atomic

QUICKEST = timedelta(seconds=1)  # from an impression to a billed click, at least

_WHEN = "{0}.decision = %(decision)s AND {0}.ad_id = a.id AND {0}.at >= %(oldest)s AND {0}.at <= %(newest)s"
# A condition on the ad ``a``.
IN_TIME = f"""
    EXISTS (SELECT 1 FROM campaigns_event i WHERE i.kind = 'impression' AND {_WHEN.format("i")})
    OR EXISTS (SELECT 1 FROM campaigns_shown s WHERE {_WHEN.format("s")})
"""  # noqa: S608  only constants from above

_UNCOUNTED = """
    INSERT INTO campaigns_viewer (campaign_id, day, viewer, impressions, clicks, uncounted)
    VALUES (%(campaign)s, %(day)s, %(client)s, 0, 0, 1)
    ON CONFLICT (day, viewer, campaign_id) DO UPDATE SET uncounted = campaigns_viewer.uncounted + 1
    WHERE campaigns_viewer.uncounted < %(most)s
"""
_SHOWN = """
    INSERT INTO campaigns_shown (decision, ad_id, at)
    SELECT %(decision)s, id, %(at)s FROM campaigns_sponsoredproduct WHERE id = %(ad)s
    ON CONFLICT (decision, ad_id) DO NOTHING
"""


def bounds(at: datetime) -> dict[str, datetime]:
    """Return the parameters of IN_TIME for a click at ``at``."""
    return {"oldest": at - timedelta(seconds=settings.ADS_URL_SECONDS), "newest": at - QUICKEST}


def missing(decision: Decision, at: datetime) -> Reason | None:
    """Return what is wrong with the impression of a click, or None. Raises django.db.Error."""
    of = {"decision": decision.id, "ad": decision.ad}
    seen = [*Event.objects.filter(**of, kind=Kind.IMPRESSION).values_list("at", flat=True)]
    seen += Shown.objects.filter(**of).values_list("at", flat=True)
    oldest, newest = bounds(at).values()
    if any(oldest <= each <= newest for each in seen):
        return None
    if not seen or min(seen) > at:
        return Reason.UNSEEN
    return Reason.EARLY if min(seen) > newest else Reason.EXPIRED


def keep(decision: Decision, at: datetime, client: str, most: int) -> None:
    """Store an impression that does not count, up to ``most`` per client, campaign and day, so that nobody can fill the
    table. Raises django.db.Error."""
    parameters: dict[str, Any] = {
        "decision": decision.id,
        "ad": decision.ad,
        "campaign": decision.campaign,
        "client": client,
        "at": at,
        "day": day_of(at),
        "most": most,
    }
    with atomic(), connection.cursor() as cursor:
        cursor.execute(_UNCOUNTED, parameters)
        if cursor.rowcount:
            cursor.execute(_SHOWN, parameters)

"""The rule when a campaign runs: it is active and within its dates. In Python, as SQL and as query conditions."""

from datetime import datetime
from typing import Protocol

from django.db.models import Q

from campaigns.models import Campaign

OUTSIDE_DATES = "outside its dates"
# A condition on the campaign ``c`` and the parameter ``at``.
SQL = "c.status = 'active' AND c.starts <= %(at)s AND (c.ends IS NULL OR c.ends > %(at)s)"


class Scheduled(Protocol):
    """A campaign, or its state in a snapshot."""

    @property
    def status(self) -> str: ...
    @property
    def starts(self) -> datetime: ...
    @property
    def ends(self) -> datetime | None: ...


def why_not(campaign: Scheduled, at: datetime) -> str:
    """Return why a campaign does not run, or an empty text."""
    if campaign.status != Campaign.Status.ACTIVE:
        return campaign.status
    is_within = campaign.starts <= at and (campaign.ends is None or at < campaign.ends)
    return "" if is_within else OUTSIDE_DATES


def has_ended(at: datetime) -> Q:
    return Q(status=Campaign.Status.ENDED) | Q(ends__lte=at)


def is_paused() -> Q:
    return Q(status=Campaign.Status.PAUSED)


def is_scheduled(at: datetime) -> Q:
    """Of campaigns that have not ended."""
    return Q(starts__gt=at)

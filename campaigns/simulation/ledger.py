"""The rules of campaigns.charging, in memory instead of the database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from django.conf import settings

from campaigns import choice, running
from campaigns.charging import APART, CLIENT_CLICKS, CLIENT_SHOWN, SEEN
from campaigns.choice import CLIENT_IMPRESSIONS, CampaignState
from campaigns.decisions import Decision
from campaigns.evidence import bounds
from campaigns.models import Kind, Reason, day_of
from campaigns.statements import CHARGING_LEAD


class Ledger:
    """Charges for events. ``shown`` and ``clicked`` count by ad."""

    def __init__(self, campaigns: Iterable[CampaignState]) -> None:
        self._campaigns = {each.id: each for each in campaigns}
        self._clicks: set[tuple[str, int]] = set()
        self._impressions: dict[tuple[str, int], datetime] = {}  # also uncounted ones
        self._last: dict[tuple[str, int], datetime] = {}  # counted ones, by client and ad
        self._total: dict[int, int] = defaultdict(int)
        self._days: dict[tuple[int, date], int] = defaultdict(int)
        self._seen: dict[tuple[date, str], dict[int, int]] = defaultdict(dict)
        self._uncounted: dict[tuple[date, str, int], int] = defaultdict(int)
        self._client_clicks: dict[tuple[date, str], dict[int, int]] = defaultdict(dict)
        self.shown: dict[int, int] = defaultdict(int)
        self.clicked: dict[int, int] = defaultdict(int)

    def charge(self, kind: Kind, decision: Decision, at: datetime, address: str = "") -> Reason | None:
        """Count an impression or a click, and charge for it. Return None if it counts, else the reason why not."""
        if (decision.id, decision.ad) in (self._clicks if kind is Kind.CLICK else self._impressions):
            return Reason.REPEATED
        campaign = self._campaigns[decision.campaign]
        if running.why_not(campaign, at):
            return Reason.INACTIVE
        act = self._click if kind is Kind.CLICK else self._show
        return act(campaign, decision, at, address)

    def _show(self, campaign: CampaignState, decision: Decision, at: datetime, address: str) -> Reason | None:
        day, clients = day_of(at), _clients(decision, address)
        reason = None
        for client, limit in clients.items():
            before = self._seen[day, client].get(campaign.id, 0)
            most = (campaign.viewer_limit if client == (decision.viewer or address) else None) or CLIENT_IMPRESSIONS
            if before >= min(most, CLIENT_IMPRESSIONS):
                reason = reason or limit
        lasts = [self._last.get((client, decision.ad)) for client in clients]
        if any(last and abs(at - last) < APART for last in lasts):
            reason = reason or Reason.OFTEN
        if reason in SEEN:
            kept = (day, address or decision.viewer, campaign.id)
            if self._uncounted[kept] < CLIENT_SHOWN:
                self._uncounted[kept] += 1
                self._impressions[decision.id, decision.ad] = at
            return reason
        for client in clients:
            self._seen[day, client][campaign.id] = self._seen[day, client].get(campaign.id, 0) + 1
            self._last[client, decision.ad] = at
        self._impressions[decision.id, decision.ad] = at
        self.shown[decision.ad] += 1
        return None

    def _click(self, campaign: CampaignState, decision: Decision, at: datetime, address: str) -> Reason | None:
        day, clients = day_of(at), _clients(decision, address)
        seen = self._impressions.get((decision.id, decision.ad))
        oldest, newest = bounds(at).values()
        if seen is None or seen > at:
            return Reason.UNSEEN
        if not oldest <= seen <= newest:
            return Reason.EARLY if seen > newest else Reason.EXPIRED
        for client, limit in clients.items():
            if self._client_clicks[day, client].get(campaign.id, 0) >= CLIENT_CLICKS:
                return limit
        if address and sum(self._client_clicks[day, address].values()) >= settings.ADS_ADDRESS_CLICKS:
            return Reason.ADDRESS
        reason = self._pay(campaign, decision, at)
        if reason is None:
            self._count(campaign, decision, clients, day)
        return reason

    def _pay(self, campaign: CampaignState, decision: Decision, at: datetime) -> Reason | None:
        day = day_of(at)
        total = self._total[campaign.id] + decision.price
        today = self._days[campaign.id, day] + decision.price
        if total > campaign.total_left or today > campaign.daily_budget:
            return Reason.BUDGET
        before = self.state(campaign.id, day)
        if campaign.even and before.spent_today > choice.pace(before, at, CHARGING_LEAD):
            return Reason.PACE
        self._total[campaign.id], self._days[campaign.id, day] = total, today
        return None

    def _count(self, campaign: CampaignState, decision: Decision, clients: Iterable[str], day: date) -> None:
        self._clicks.add((decision.id, decision.ad))
        for client in clients:
            clicks = self._client_clicks[day, client]
            clicks[campaign.id] = clicks.get(campaign.id, 0) + 1
        self.clicked[decision.ad] += 1

    def seen(self, viewer: str, day: date) -> Mapping[int, int]:
        """Return a viewer's impressions by campaign."""
        return self._seen[day, viewer]

    def state(self, campaign: int, day: date) -> CampaignState:
        """Return a campaign as a snapshot has it."""
        before, total = self._campaigns[campaign], self._total.get(campaign)
        if not total:
            return before
        return replace(before, total_left=before.total_left - total, spent_today=self._days[campaign, day])


def _clients(decision: Decision, address: str) -> dict[str, Reason]:
    """Return the clients of an event, each with the reason for events beyond its limits."""
    both = {decision.viewer: Reason.VIEWER, address: Reason.ADDRESS}
    return {client: reason for client, reason in both.items() if client}

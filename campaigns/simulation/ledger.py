"""What campaigns.charging does in the database, by the same rules, in memory."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from campaigns.charging import VIEWER_CLICKS
from campaigns.choice import CampaignState
from campaigns.decisions import Decision
from campaigns.models import Campaign, Kind, Reason, day_of


class Ledger:
    """``shown`` and ``clicked`` count by ad."""

    def __init__(self, campaigns: Iterable[CampaignState]) -> None:
        self._campaigns = {each.id: each for each in campaigns}
        self._events: set[tuple[str, int, Kind]] = set()
        self._total: dict[int, int] = defaultdict(int)
        self._days: dict[tuple[int, date], int] = defaultdict(int)
        self._seen: dict[tuple[date, str], dict[int, int]] = defaultdict(dict)
        self._viewer_clicks: dict[tuple[date, str, int], int] = defaultdict(int)
        self.shown: dict[int, int] = defaultdict(int)
        self.clicked: dict[int, int] = defaultdict(int)

    def charge(self, kind: Kind, decision: Decision, at: datetime) -> Reason | None:
        """Count an impression or a click, and charge for it. None where it counts, else the reason why not."""
        event = (decision.id, decision.ad, kind)
        if event in self._events:
            return Reason.REPEATED
        campaign, day = self._campaigns[decision.campaign], day_of(at)
        if campaign.status != Campaign.Status.ACTIVE or at < campaign.starts or (campaign.ends and at >= campaign.ends):
            return Reason.INACTIVE
        reason = self._click(campaign, decision, day) if kind == Kind.CLICK else self._show(campaign, decision, day)
        if reason is None:
            self._events.add(event)
        return reason

    def _show(self, campaign: CampaignState, decision: Decision, day: date) -> Reason | None:
        seen = self._seen[day, decision.viewer]
        if decision.viewer:
            before = seen.get(campaign.id, 0)
            if campaign.viewer_limit and before >= campaign.viewer_limit:
                return Reason.VIEWER
            seen[campaign.id] = before + 1
        self.shown[decision.ad] += 1
        return None

    def _click(self, campaign: CampaignState, decision: Decision, day: date) -> Reason | None:
        viewer = day, decision.viewer, campaign.id
        if decision.viewer and self._viewer_clicks[viewer] >= VIEWER_CLICKS:
            return Reason.VIEWER
        total = self._total[campaign.id] + decision.price
        today = self._days[campaign.id, day] + decision.price
        if total > campaign.total_left or today > campaign.daily_budget:
            return Reason.BUDGET
        self._total[campaign.id], self._days[campaign.id, day] = total, today
        self._viewer_clicks[viewer] += 1
        self.clicked[decision.ad] += 1
        return None

    def seen(self, viewer: str, day: date) -> Mapping[int, int]:
        """Impressions by campaign."""
        return self._seen[day, viewer]

    def state(self, campaign: int, day: date) -> CampaignState:
        """As a snapshot has it."""
        before, total = self._campaigns[campaign], self._total.get(campaign)
        if not total:
            return before
        return replace(before, total_left=before.total_left - total, spent_today=self._days[campaign, day])

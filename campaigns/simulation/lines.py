"""The even line that campaigns are measured by. It does not use the auction's own line, which it tests."""

from datetime import timedelta

from campaigns.choice import CampaignState
from campaigns.simulation.world import MIDNIGHT

DAY = timedelta(days=1)


def todays_budget(campaign: CampaignState) -> int:
    """Return today's budget in micros, of a campaign in its state at midnight."""
    return min(campaign.daily_budget, campaign.total_left)


def even_line(campaign: CampaignState, seconds: float) -> float:
    """Return the micros to be spent at a time since midnight, evenly from a campaign's start today to its end."""
    first = max(timedelta(0), campaign.starts - MIDNIGHT)
    last = min(DAY, campaign.ends - MIDNIGHT) if campaign.ends else DAY
    return todays_budget(campaign) * min(max((timedelta(seconds=seconds) - first) / (last - first), 0.0), 1.0)

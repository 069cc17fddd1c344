"""The even line that a campaign is measured by: on its own, not that of the choice, which it is to judge."""

from datetime import timedelta

from campaigns.choice import CampaignState
from campaigns.simulation.world import MIDNIGHT

DAY = timedelta(days=1)


def todays_budget(campaign: CampaignState) -> int:
    """Micros, of a campaign as it is at midnight."""
    return min(campaign.daily_budget, campaign.total_left)


def even_line(campaign: CampaignState, seconds: float) -> float:
    """Micros that are to be spent so many seconds after midnight, from a campaign's first hour today to its last."""
    first = max(timedelta(0), campaign.starts - MIDNIGHT)
    last = min(DAY, campaign.ends - MIDNIGHT) if campaign.ends else DAY
    return todays_budget(campaign) * min(max((timedelta(seconds=seconds) - first) / (last - first), 0.0), 1.0)

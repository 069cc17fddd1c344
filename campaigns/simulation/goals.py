"""Checks a simulated day against the goals."""

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.choice import CampaignState
from campaigns.simulation.day import Clicks, Day
from campaigns.simulation.lines import even_line, todays_budget
from campaigns.simulation.traffic import HOUR

HOURS = range(1, 25)
OFF_THE_LINE = 5.0  # percent of the daily budget, at the end of each hour
UNSPENT = 1.0  # percent of the budget
# Demand is sufficient if an ideal pacer (see demand) stays within this part of the tolerance.
SHORT_OF_IDEAL = 0.5


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """The outcome of a campaign. Money is in micros. Deviations from the even line are in percent of today's budget,
    negative if behind.

    ``worst`` covers hours with sufficient demand, ``worst_of_all`` all hours; both are None without even pacing.
    ``broken`` has the missed goals.
    """

    name: str
    budget: int
    spent: int
    share: float
    worst: float | None
    worst_of_all: float | None
    short_hours: int
    overspend: int
    demand: float
    hourly: list[int]
    broken: list[str]


def judge(day: Day) -> list[DayOutcome]:
    return [_judge(each, day.charged[each.id], day.ideal[each.id]) for each in day.world.campaigns.values()]


def _judge(campaign: CampaignState, charged: Clicks, ideal: Clicks) -> DayOutcome:
    budget = todays_budget(campaign)
    hourly, best = list(_hourly(charged)), list(_hourly(ideal))
    spent, possible = hourly[-1], best[-1]
    off = [100 * (got - even_line(campaign, hour * HOUR)) / budget for hour, got in zip(HOURS, hourly, strict=True)]
    short = [
        100 * (even_line(campaign, hour * HOUR) - could) / budget > OFF_THE_LINE * SHORT_OF_IDEAL
        for hour, could in zip(HOURS, best, strict=True)
    ]
    # Too little demand does not excuse being ahead.
    counts = [each for each, excused in zip(off, short, strict=True) if each > 0 or not excused]
    worst = max(counts, key=abs, default=0.0)
    broken = []
    if campaign.even and abs(worst) > OFF_THE_LINE:
        broken.append("off the even line")
    if 100 * (budget - spent) / budget > UNSPENT and 100 * (budget - possible) / budget <= UNSPENT * SHORT_OF_IDEAL:
        broken.append("not spent")
    if spent > budget:
        broken.append("overspent")
    return DayOutcome(
        name=campaign.name,
        budget=budget,
        spent=spent,
        share=spent / budget,
        worst=worst if campaign.even else None,
        worst_of_all=max(off, key=abs) if campaign.even else None,
        short_hours=sum(short) if campaign.even else 0,
        overspend=max(0, spent - budget),
        demand=possible / budget,
        hourly=hourly,
        broken=broken,
    )


def _hourly(clicks: Clicks) -> Iterator[int]:
    """Yield the spend by the end of each hour. Clicks before midnight that are charged after it are in the last one."""
    spent = place = 0
    for hour in HOURS:
        while place < len(clicks) and (clicks[place][0] < hour * HOUR or hour == HOURS[-1]):
            spent += clicks[place][1]
            place += 1
        yield spent

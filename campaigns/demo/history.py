"""An invented history of campaigns. It respects all budgets, and its sums are consistent."""

import random
from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from campaigns.demo.campaigns import HISTORY, Plan
from campaigns.models import Campaign, Day, Kind, Reason, SponsoredProduct, Target, day_of
from campaigns.money import floor

EVENT_DAYS = 3  # recent days have events; earlier days have daily figures, as after a roll-up
# The placement of ads, by the kind of target.
_PLACEMENTS = {
    Target.Kind.PRODUCT: "product page",
    Target.Kind.CATEGORY: "category page",
    Target.Kind.KEYWORD: "search",
}
# Relative number of impressions in each hour (UTC).
_HOURS = [2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 11, 12, 12, 11, 10, 10, 11, 12, 10, 7, 4]
# Impressions or clicks of 1000 that do not count, apart from budgets.
_UNBILLED: dict[Reason, int] = {Reason.REPEATED: 25, Reason.ROBOT: 40, Reason.HEAD: 3, Reason.EXPIRED: 4}
_ANY_UNBILLED = sum(_UNBILLED.values()) / 1000


class Cut(NamedTuple):
    """What reports can be filtered by."""

    placement: str
    target: str
    term: str


@dataclass
class PastEvent:
    """An event before it is saved."""

    decision: str
    ad: SponsoredProduct
    kind: Kind
    at: datetime
    position: int
    cut: Cut
    price: int


@dataclass
class History:
    events: list[PastEvent] = field(default_factory=list)
    # Impressions, clicks and spend by ad, day and cut. The ad is known by id() because it is not saved yet.
    figures: dict[tuple[int, date, Cut], tuple[SponsoredProduct, list[int]]] = field(default_factory=dict)
    days: list[Day] = field(default_factory=list)
    unbilled: Counter[tuple[int, date, str, str]] = field(default_factory=Counter)  # by the number of the plan


def make_history(rng: random.Random, plans: list[Plan], now: datetime) -> History:
    """Return the history. Sets the spend of campaigns and the counters of ads too."""
    history = History()
    today = day_of(now)
    every = [today - timedelta(days=n) for n in reversed(range(HISTORY))]
    for plan in plans:
        for day in every:
            recent = day > today - timedelta(EVENT_DAYS)
            _live(rng, history, plan, Day(campaign=plan.campaign, day=day), recent)
    return history


def _live(rng: random.Random, history: History, plan: Plan, day: Day, recent: bool) -> None:
    """Simulate a day of one campaign, in chronological order."""
    campaign, day.budget, day.spent = plan.campaign, plan.campaign.daily_budget, 0
    missed: Counter[tuple[Kind, Reason]] = Counter()
    least = floor()
    bidding = [(offer, [target for target in offer.targets if target.bid]) for offer in plan.offers]
    for at in _moments(rng, plan, day.day):
        if campaign.pacing == Campaign.Pacing.EVEN and day.spent > day.budget * (at.hour + 1) / 24:
            continue
        offer, targets = rng.choice(bidding)
        target = rng.choice(targets)
        price = max(1, round((target.bid or 0) * rng.uniform(0.5, 1) / least)) * least
        broke = day.spent + price > day.budget or campaign.spent + price > campaign.total_budget
        if broke:  # no further impressions, but some clicks on earlier ones
            if rng.random() < offer.rate / 2:
                missed[Kind.CLICK, Reason.BUDGET] += 1
            continue
        clicked = rng.random() < offer.rate
        decision = urlsafe_b64encode(rng.randbytes(16)).decode().rstrip("=")
        where = rng.randint(1, 4), _cut(target)
        later = min(at + timedelta(seconds=rng.randint(2, 90)), at.replace(hour=23, minute=59, second=59), plan.over)
        for kind in (Kind.IMPRESSION, Kind.CLICK) if clicked else (Kind.IMPRESSION,):
            if rng.random() < _ANY_UNBILLED:
                (reason,) = rng.choices([*_UNBILLED], [*_UNBILLED.values()])
                missed[kind, reason] += 1
            paid = price if kind == Kind.CLICK else 0
            when = later if kind == Kind.CLICK else at
            _count(history, PastEvent(decision, offer.ad, kind, when, *where, paid), day.day, recent)
            day.spent += paid
            campaign.spent += paid
        if campaign.viewer_limit and rng.random() < 0.03:
            missed[Kind.IMPRESSION, Reason.VIEWER] += 1
    if campaign.status == Campaign.Status.PAUSED and day.day == day_of(plan.over):
        missed[Kind.CLICK, Reason.INACTIVE] += rng.randint(1, 5)
    history.unbilled.update({(plan.number, day.day, kind, reason): count for (kind, reason), count in missed.items()})
    if day.spent:
        history.days.append(day)


def _cut(target: Target) -> Cut:
    kind = Target.Kind(target.kind)
    return Cut(_PLACEMENTS[kind], f"{kind.value} {target.value}", target.value if kind == Target.Kind.KEYWORD else "")


def _moments(rng: random.Random, plan: Plan, day: date) -> list[datetime]:
    """Return the times of a day's impressions while the campaign ran, none in the future."""
    weekend = 0.6 if day.weekday() >= 5 else 1.0
    midnight = plan.over.replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0, second=0, microsecond=0)
    shown = round(plan.demand * weekend * rng.uniform(0.8, 1.2))
    hours = rng.choices(range(24), _HOURS, k=shown)
    moments = [midnight + timedelta(hours=hour, seconds=rng.randrange(3600)) for hour in sorted(hours)]
    return sorted(at for at in moments if plan.begun <= at < plan.over)


def _count(history: History, event: PastEvent, day: date, recent: bool) -> None:
    clicks = int(event.kind == Kind.CLICK)
    event.ad.impressions += 1 - clicks
    event.ad.clicks += clicks
    if recent:
        history.events.append(event)
        return
    _, sums = history.figures.setdefault((id(event.ad), day, event.cut), (event.ad, [0, 0, 0]))
    for place, number in enumerate((1 - clicks, clicks, event.price)):
        sums[place] += number

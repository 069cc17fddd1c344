"""A simulated shop with campaigns, in memory."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from campaigns.choice import CampaignState, TargetKey
from campaigns.models import MICROS, Campaign, Target

MIDNIGHT = datetime(2026, 5, 5, tzinfo=UTC)  # the start of the day
PRODUCTS_OF_A_CATEGORY = 12
CAMPAIGNS_OF_A_CATEGORY = 2.5  # keeps the number of candidates per page independent of the number of campaigns
LOWEST_BID, HIGHEST_BID = 80_000, 320_000
CLICKS = [25, 40, 70, 120]  # at the full bid, that a daily budget pays for
STEP = MICROS // 1000  # of bids and budgets


@dataclass(slots=True)
class Advert:
    """An ad. ``rate`` is the probability that a viewer who looks at it clicks; the auction does not know it.
    ``impressions`` and ``clicks`` are from earlier days."""

    id: int
    campaign: int
    asin: str
    rate: float
    impressions: int
    clicks: int
    bids: Mapping[TargetKey, int]
    never: frozenset[TargetKey]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category below the root, its products, and the keyword that viewers search for."""

    category: str
    asins: Sequence[str]
    keyword: str


@dataclass(frozen=True, slots=True)
class World:
    """A shop. ``campaigns`` are in their state at midnight."""

    shelves: Sequence[Shelf]
    campaigns: Mapping[int, CampaignState]
    adverts: Mapping[int, Advert]


def make_world(rng: random.Random, campaigns: int) -> World:
    """Return a shop. Of ten campaigns six are evenly paced, one of these has less than a day's budget left; two are not
    paced; and two, one of each kind, have more budget than shoppers' clicks can spend."""
    shelves = [
        Shelf(f"Category {n}", [f"C{n}P{m}" for m in range(PRODUCTS_OF_A_CATEGORY)], f"keyword {n}")
        for n in range(max(2, round(campaigns / CAMPAIGNS_OF_A_CATEGORY)))
    ]
    states: dict[int, CampaignState] = {}
    adverts: dict[int, Advert] = {}
    for number in range(1, campaigns + 1):
        bid = rng.randint(LOWEST_BID, HIGHEST_BID) // STEP * STEP
        states[number] = _campaign(rng, number, bid)
        narrow = number % 10 in (8, 9)
        home = rng.sample(shelves, 1 if narrow else min(len(shelves), rng.randint(4, 6)))
        if narrow:
            bid //= 2
        for shelf in home:
            advert = _advert(rng, len(adverts) + 1, number, shelf, bid)
            adverts[advert.id] = advert
    return World(shelves, states, adverts)


def _campaign(rng: random.Random, number: int, bid: int) -> CampaignState:
    kind = number % 10
    budget = bid * rng.choice(CLICKS) * rng.choice([1, 2, 4] if kind in (8, 9) else [1])
    left = budget * rng.choice([3, 10, 30])
    starts, ends = MIDNIGHT - timedelta(days=rng.randint(1, 20)), None
    if kind == 2:  # its last money: less than a day's
        left = budget * 3 // 4
    if kind == 3:
        starts = MIDNIGHT + timedelta(hours=rng.randint(5, 8), minutes=30)
    if kind == 4:
        ends = MIDNIGHT + timedelta(hours=rng.randint(18, 22), minutes=30)
    even = kind not in (0, 7, 8)
    return CampaignState(
        id=number,
        name=f"{'even' if even else 'asap'} {number}",
        status=Campaign.Status.ACTIVE,
        starts=starts,
        ends=ends,
        total_left=left,
        daily_budget=budget,
        spent_today=0,
        even=even,
        viewer_limit=rng.choice([None, None, 3, 5, 10]),
    )


def _advert(rng: random.Random, number: int, campaign: int, shelf: Shelf, bid: int) -> Advert:
    """Return an ad. One in five has never been shown."""
    rate = rng.uniform(0.03, 0.09)
    seen = 0 if rng.random() < 0.2 else rng.randint(200, 4000)
    clicks = sum(rng.random() < rate * 0.7 for _ in range(seen))
    bids = {TargetKey(Target.Kind.CATEGORY, shelf.category): bid}
    if rng.random() < 0.7:
        bids[TargetKey(Target.Kind.KEYWORD, shelf.keyword)] = round(bid * rng.uniform(0.8, 1.3))
    for asin in rng.sample(shelf.asins, rng.randint(0, 3)):
        bids[TargetKey(Target.Kind.PRODUCT, asin)] = round(bid * rng.uniform(1, 1.5))
    others = [asin for asin in shelf.asins if TargetKey(Target.Kind.PRODUCT, asin) not in bids]
    never = frozenset({TargetKey(Target.Kind.PRODUCT, rng.choice(others))} if rng.random() < 0.3 else ())
    return Advert(number, campaign, rng.choice(shelf.asins), rate, seen, clicks, bids, never)

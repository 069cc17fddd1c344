"""Simulates a fraudster who clicks a rival's ads all day from one address or many, and measures what is billed.

Each address opens pages with the rival's ads, as a new viewer each time, loads them as a browser does, and clicks
seconds later: in a burst at noon, and every ten minutes for the rest of the day. Few clicks per address, campaign and
day are billed, so fraud takes a smaller share of a larger budget. The rivals' budgets here pay for BUDGET_CLICKS at the
full bid.
"""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from campaigns.choice import TargetKey
from campaigns.models import Target
from campaigns.simulation.day import play
from campaigns.simulation.traffic import HOUR, WIDEST, Page, pages
from campaigns.simulation.world import World, make_world

CAMPAIGNS, PAGES = 10, 6_000
BUDGET_CLICKS = 4_000
MOST_TAKEN = {1: 1.0, 50: 5.0}  # percent of a budget, by the number of addresses
BURST, BURST_SECONDS = 60, 30.0  # visits of an address at noon
EVERY = HOUR / 6


@dataclass(frozen=True, slots=True)
class Raid:
    """The outcome of a fraud. ``taken`` is in percent of the rival's daily budget."""

    rival: str
    addresses: int
    taken: float

    @property
    def is_stopped(self) -> bool:
        return self.taken <= MOST_TAKEN[self.addresses]


def raids(seed: int) -> list[Raid]:
    """Simulate frauds on an evenly paced campaign and on one without pacing, by each number of addresses."""
    world = make_world(random.Random(seed), CAMPAIGNS)
    whole = [each for each in world.campaigns.values() if each.starts.hour == 0 and not each.ends]
    rivals = [next(each.id for each in whole if each.even is even) for even in (True, False)]
    return [_raid(seed, rival, addresses) for rival in rivals for addresses in MOST_TAKEN]


def _raid(seed: int, rival: int, addresses: int) -> Raid:
    rng = random.Random(seed)
    world = make_world(rng, CAMPAIGNS)
    state = world.campaigns[rival]
    budget = BUDGET_CLICKS * max(
        bid for ad in world.adverts.values() if ad.campaign == rival for bid in ad.bids.values()
    )
    rich = replace(state, daily_budget=budget, total_left=10 * budget, viewer_limit=None)
    world = replace(world, campaigns={**world.campaigns, rival: rich})
    people = pages(random.Random(rng.random()), world, PAGES)
    day = play(rng, world, heapq.merge(people, _visits(rng, world, rival, addresses), key=lambda page: page.at))
    return Raid(state.name, addresses, 100 * day.taken[rival] / budget)


def _visits(rng: random.Random, world: World, rival: int, addresses: int) -> Iterator[Page]:
    """Yield the fraudster's visits in chronological order."""
    shelves = [shelf for shelf in world.shelves if _is_home(world, rival, shelf.category)]
    moments = [(HOUR * 12 + rng.uniform(0, BURST_SECONDS), number) for number in range(addresses) for _ in range(BURST)]
    moments += [
        (start * EVERY + rng.uniform(0, EVERY), number) for number in range(addresses) for start in range(24 * 6)
    ]
    for count, (at, number) in enumerate(sorted(moments)):
        shelf = rng.choice(shelves)
        yield Page(
            at, f"new viewer {count}", None, (WIDEST, shelf.category), (shelf.keyword,), f"address {number}", rival
        )


def _is_home(world: World, rival: int, category: str) -> bool:
    key = TargetKey(Target.Kind.CATEGORY, category)
    return any(key in ad.bids for ad in world.adverts.values() if ad.campaign == rival)

"""Simulates a day: viewers open pages, the auction chooses ads, clicks come later and are charged."""

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.choice import Ad, AuctionEntry, CampaignState, Context, Snapshot, TargetKey, run_auction
from campaigns.decisions import Decision
from campaigns.models import Kind, Reason, day_of
from campaigns.simulation.demand import Ideal, chances
from campaigns.simulation.ledger import Ledger
from campaigns.simulation.traffic import Page, pages
from campaigns.simulation.world import MIDNIGHT, World, make_world
from campaigns.snapshot import ADS_EVERY

CAMPAIGNS, PAGES = 40, 60_000
SNAPSHOT_SECONDS = 3
TODAY = day_of(MIDNIGHT)
LOOKED_AT = [1.0, 0.85, 0.7, 0.6, 0.5, 0.45]  # probability, by the ad's position on the page
QUICKEST, USUAL = 2.0, 15.0  # seconds from an impression to a click: the minimum, and the mean on top of it
LATE, LATEST = 0.03, 600.0  # part of the clicks that is charged late, and the maximum delay in seconds
TWICE = 0.02  # part of the clicks that is repeated

Clicks = list[tuple[float, int]]  # seconds since midnight, micros; in chronological order


@dataclass(frozen=True, slots=True)
class Day:
    """The outcome of a day. ``charged`` has the clicks by campaign and time of charging, ``ideal`` those of the ideal
    pacers. ``taken`` is the money billed for fraudsters' clicks, by campaign."""

    begins: datetime
    world: World
    charged: Mapping[int, Clicks]
    ideal: Mapping[int, Clicks]
    pages: int
    impressions: int
    unbilled: Mapping[Reason, int]
    taken: Mapping[int, int]


def simulate(seed: int, campaigns: int = CAMPAIGNS, page_count: int = PAGES) -> Day:
    """Simulate a day. The same arguments give the same day."""
    rng = random.Random(seed)
    world = make_world(rng, campaigns)
    run = _Run(rng, world)
    visits = random.Random(rng.random())  # a separate generator, so that changes of the auction do not change the pages
    return run.play(pages(visits, world, page_count))


def play(rng: random.Random, world: World, visits: Iterable[Page]) -> Day:
    """Simulate a day of a world, with visits in chronological order."""
    return _Run(rng, world).play(visits)


class _Run:
    def __init__(self, rng: random.Random, world: World) -> None:
        self.rng, self.world = rng, world
        self.ledger = Ledger(world.campaigns.values())
        self.ideal = Ideal(world)
        self.charged: dict[int, Clicks] = {number: [] for number in world.campaigns}
        self.unbilled: Counter[Reason] = Counter()
        self.taken: Counter[int] = Counter()
        self._coming: list[tuple[float, int, float, Decision, Page]] = []  # due, a number for ties, when clicked
        self._turn = -1
        self._snapshot = Snapshot({}, {})
        self._numbers = self._pushed = 0

    def play(self, visits: Iterable[Page]) -> Day:
        count = 0
        for page in visits:
            self.look(page)
            count += 1
        self.deliver(float("inf"))
        impressions = sum(self.ledger.shown.values())
        return Day(MIDNIGHT, self.world, self.charged, self.ideal.taken, count, impressions, self.unbilled, self.taken)

    def look(self, page: Page) -> None:
        self._refresh(int(page.at / SNAPSHOT_SECONDS))
        self.deliver(page.at)
        now, limit = _moment(page.at), len(LOOKED_AT)
        seen = self.ledger.seen(page.viewer, TODAY)
        context = Context(now, page.asin, page.categories, (), page.keywords, seen)
        winners, others = run_auction(self._snapshot, context, limit)
        self._numbers += 1
        if page.clicks_on:
            for position, winner in enumerate(winners):
                self._show(page, now, position, winner)
            return
        could = list(chances(self.world, context, winners, others, limit))
        clicked = {each.ad.campaign: self._show(page, now, position, each) for position, each in enumerate(winners)}
        for chance in could:
            # A viewer who saw the ad clicked or not, whatever the bid. Others might have clicked.
            clicks = (
                clicked[chance.campaign] if chance.campaign in clicked else self._clicks(chance.ad, chance.position)
            )
            self.ideal.offer(chance, page.viewer, page.at, clicks)

    def _show(self, page: Page, now: datetime, position: int, winner: AuctionEntry) -> bool:
        """Show an ad and return whether the viewer clicks. The click is charged when it is due."""
        ad = winner.ad
        decision = Decision(
            str(self._numbers), ad.id, ad.campaign, ad.asin, position + 1, winner.price, "", page.viewer
        )
        self._count(self.ledger.charge(Kind.IMPRESSION, decision, now, page.address))
        if not (page.clicks_on == ad.campaign if page.clicks_on else self._clicks(ad.id, position)):
            return False
        at = page.at + QUICKEST + self.rng.expovariate(1 / USUAL)
        for _ in range(2 if self.rng.random() < TWICE else 1):
            due = at + (self.rng.uniform(0, LATEST) if self.rng.random() < LATE else 0)
            self._pushed += 1
            heapq.heappush(self._coming, (due, self._pushed, at, decision, page))
        return True

    def _clicks(self, ad: int, position: int) -> bool:
        return self.rng.random() < self.world.adverts[ad].rate * LOOKED_AT[position]

    def deliver(self, until: float) -> None:
        """Charge the clicks that are due."""
        while self._coming and self._coming[0][0] <= until:
            due, _, at, decision, page = heapq.heappop(self._coming)
            moment = _moment(at)
            reason = self.ledger.charge(Kind.CLICK, decision, moment, page.address)
            self._count(reason)
            if reason is None and page.clicks_on:
                self.taken[decision.campaign] += decision.price
            if reason is None and day_of(moment) == TODAY:
                self.charged[decision.campaign].append((due, decision.price))

    def _count(self, reason: Reason | None) -> None:
        if reason:
            self.unbilled[reason] += 1

    def _refresh(self, turn: int) -> None:
        """Refresh the snapshot as campaigns.snapshot does."""
        if turn == self._turn:
            return
        self.deliver(turn * SNAPSHOT_SECONDS)
        ads = self._snapshot.ads
        if turn // ADS_EVERY != self._turn // ADS_EVERY:
            ads = self._ads()
        self._turn = turn
        self._snapshot = Snapshot(self._states(), ads)

    def _states(self) -> dict[int, CampaignState]:
        return {number: self.ledger.state(number, TODAY) for number in self.world.campaigns}

    def _ads(self) -> Mapping[TargetKey, Sequence[tuple[Ad, int]]]:
        ads: dict[TargetKey, list[tuple[Ad, int]]] = defaultdict(list)
        for each in self.world.adverts.values():
            shown = each.impressions + self.ledger.shown[each.id]
            ad = Ad(each.id, each.campaign, each.asin, shown, each.clicks + self.ledger.clicked[each.id], each.never)
            for key, bid in each.bids.items():
                ads[key].append((ad, bid))
        return ads


def _moment(seconds: float) -> datetime:
    return MIDNIGHT + timedelta(seconds=seconds)

"""Measures the demand for a campaign's ads, independently of its pacing.

An ideal pacer competes on each page where the campaign wins, or would win at its full bid without pacing, budgets and
limits. It is shown if it is not ahead of the even line, pays the price of that auction, and is charged at once. If even
the ideal pacer falls behind, demand is short.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from campaigns.charging import CLIENT_CLICKS
from campaigns.choice import (
    AHEAD,
    ANOTHER_AD,
    FLOOR,
    OUT_OF_MONEY,
    OUTRANKED,
    VIEWER_LIMIT,
    AuctionEntry,
    Context,
    click_rate,
    is_relevant,
    unfit,
)
from campaigns.simulation.lines import even_line, todays_budget
from campaigns.simulation.world import World

HELD_BACK = (AHEAD, OUT_OF_MONEY, VIEWER_LIMIT)
BEATEN = ("", OUTRANKED, ANOTHER_AD)


class Chance(NamedTuple):
    """The position (from 0) and the price that a campaign would have had at its full bid."""

    ad: int
    campaign: int
    position: int
    price: int


def chances(
    world: World, context: Context, winners: Sequence[AuctionEntry], others: Sequence[AuctionEntry], limit: int
) -> Iterator[Chance]:
    """Yield at most one chance per campaign."""
    best: dict[int, tuple[float, float, int, int]] = {}  # by campaign: score, score per micro of the bid, bid, ad
    for each in (*winners, *others):
        if each.lost in BEATEN or (each.lost in HELD_BACK and _fits(context, each)):
            bid, ad = world.adverts[each.ad.id].bids[each.key], each.ad
            weight = each.rate * each.fit
            best[ad.campaign] = max(best.get(ad.campaign, (0.0, 0.0, 0, 0)), (bid * weight, weight, bid, ad.id))
    outranked = sorted((-each.score, each.ad.campaign) for each in others if each.lost == OUTRANKED)
    ranking = [(each.score, each.ad.campaign) for each in winners] + [(-score, number) for score, number in outranked]
    for campaign, (score, weight, bid, ad_id) in best.items():
        rivals = [other for other, number in ranking if number != campaign]
        position = sum(other > score for other in rivals)
        if position < limit:
            after = rivals[position] if position < len(rivals) else 0.0
            yield Chance(ad_id, campaign, position, min(max(math.ceil(after / weight), FLOOR), bid))


def _fits(context: Context, candidate: AuctionEntry) -> bool:
    """Return whether an ad that was held back passes the checks that the auction skipped."""
    ad = candidate.ad
    mean, _ = click_rate(ad.impressions, ad.clicks)
    return is_relevant(candidate.fit, mean) and not unfit(ad, context.asin, context.target_keys())


class Ideal:
    """The ideal pacers of all campaigns. ``taken`` has the time and the price of each click, by campaign."""

    def __init__(self, world: World) -> None:
        self._campaigns = world.campaigns
        self._spent: dict[int, int] = defaultdict(int)
        self._seen: dict[tuple[int, str], int] = defaultdict(int)
        self._clicks: dict[tuple[int, str], int] = defaultdict(int)
        self.taken: Mapping[int, list[tuple[float, int]]] = {number: [] for number in world.campaigns}

    def offer(self, chance: Chance, viewer: str, at: float, clicks: bool) -> None:
        """``at`` is in seconds since midnight."""
        state, who = self._campaigns[chance.campaign], (chance.campaign, viewer)
        spent = self._spent[state.id]
        left = todays_budget(state) - spent
        if left < FLOOR or (state.even and spent > even_line(state, at)):
            return
        if state.viewer_limit and self._seen[who] >= state.viewer_limit:
            return
        self._seen[who] += 1
        if clicks and self._clicks[who] < CLIENT_CLICKS:
            self._clicks[who] += 1
            self._spent[state.id] += min(chance.price, left)
            self.taken[state.id].append((at, min(chance.price, left)))

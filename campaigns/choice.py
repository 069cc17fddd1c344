"""Which ads are shown, in which order and at which price: a generalized second-price auction.

An ad's rank is its bid times the rate at which it is clicked times how well its target fits (Edelman, Ostrovsky and
Schwarz, American Economic Review 2007, say it of bid and click rate). A click costs as much as the ad would have had to
bid to keep its place. Everything here is arithmetic on a Snapshot: the database is not asked.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from campaigns.keywords import KeywordIndex
from campaigns.models import Campaign, Target

FLOOR = 10_000  # micros; no click costs less, nor less than the smallest coin: campaigns.money.floor
# How well a target fits: the product's own page best. Categories are told widest first, the last one is its leaf.
FIT = {Target.Kind.PRODUCT: 1.0, Target.Kind.KEYWORD: 0.8, Target.Kind.CATEGORY: 0.7}
FIT_OF_A_WIDE_CATEGORY = 0.3
# What is known of an ad's click rate before anybody has seen it, and as if after how many impressions.
TYPICAL_RATE, TYPICAL_IMPRESSIONS = 0.02, 50
# Impressions of a client, campaign and day that count: as many as a click usually takes. No address alone makes an ad
# irrelevant in a day, not even in a wide category.
CLIENT_IMPRESSIONS = round(1 / TYPICAL_RATE)
# Of fit and click rate, where a typical ad on the best place has 1: what is below is not shown, whatever it bids.
LEAST_RELEVANCE = 0.1
# Why an ad is not shown, as far as the simulation asks for it too.
OUTRANKED = "outranked"
ANOTHER_AD = "another ad of its campaign ranks higher"
OUT_OF_MONEY = "out of money"
AHEAD = "ahead of its pace"
VIEWER_LIMIT = "the viewer's limit is reached"
# What a bid is lowered to.
LEFT_TODAY = "what is left of the daily budget"
LEFT_IN_ALL = "what is left of the total budget"
PACING = "even pacing"
LEAD = 0.01  # of a day's hours, that even pacing aims ahead: clicks come later, and the last before the end


@dataclass(frozen=True, slots=True)
class Ad:
    """``never`` are the places of its negative targets."""

    id: int
    campaign: int
    asin: str
    impressions: int
    clicks: int
    never: frozenset["TargetKey"]


class TargetKey(NamedTuple):
    """A kind of target and its value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class CampaignState:
    """A campaign, and what it has spent, in micros."""

    id: int
    name: str
    status: str
    starts: datetime
    ends: datetime | None
    total_left: int
    daily_budget: int
    spent_today: int
    even: bool
    viewer_limit: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that may be shown, as it was at some moment: the ads of each target with their bids, and the keywords of all
    targets. No click costs less than ``floor``."""

    campaigns: Mapping[int, CampaignState]
    ads: Mapping[TargetKey, Sequence[tuple[Ad, int]]]
    keywords: KeywordIndex = field(default_factory=KeywordIndex)
    floor: int = FLOOR


@dataclass(frozen=True, slots=True)
class Context:
    """The page that the ads are for. ``categories`` are those of its product, widest first; ``more_categories`` are
    others that fit as well. ``keywords`` are those of targets that match what was searched for. ``seen`` has the
    viewer's impressions of today by campaign."""

    now: datetime
    asin: str | None = None
    categories: Sequence[str] = ()
    more_categories: Sequence[str] = ()
    keywords: Sequence[str] = ()
    seen: Mapping[int, int] | None = None

    def target_keys(self) -> dict[TargetKey, float]:
        """Each with how well a target there fits."""
        wide = {TargetKey(Target.Kind.CATEGORY, name): FIT_OF_A_WIDE_CATEGORY for name in self.categories}
        leaves = [*self.categories[-1:], *self.more_categories]
        return (
            wide
            | {TargetKey(Target.Kind.CATEGORY, name): FIT[Target.Kind.CATEGORY] for name in leaves}
            | {TargetKey(Target.Kind.KEYWORD, word): FIT[Target.Kind.KEYWORD] for word in self.keywords}
            | ({TargetKey(Target.Kind.PRODUCT, self.asin): FIT[Target.Kind.PRODUCT]} if self.asin else {})
        )


@dataclass(slots=True)
class AuctionEntry:
    """An ad at its best place, and how it fared: ``lost`` says why, or is empty where it won. ``bid`` is what counts;
    ``lowered`` says what has made it less than the target's."""

    ad: Ad
    place: TargetKey
    bid: int
    fit: float
    rate: float = 0.0
    score: float = 0.0
    price: int = 0
    lost: str = ""
    target_bid: int = 0
    lowered: str = ""


def run_auction(snapshot: Snapshot, context: Context, limit: int) -> tuple[list[AuctionEntry], list[AuctionEntry]]:
    """The winners, best first, and the others. Each is there once; of a campaign, and of a product, one may win."""
    candidates = _candidates(snapshot, context)
    ranked = [each for each in candidates if not each.lost]
    lost = [each for each in candidates if each.lost]
    ranked.sort(key=lambda each: (-each.score, each.ad.id))
    firsts: list[AuctionEntry] = []
    campaigns, products = set[int](), set[str]()
    for candidate in ranked:
        if candidate.ad.campaign in campaigns:
            candidate.lost = ANOTHER_AD
        elif candidate.ad.asin in products:
            candidate.lost = "another campaign's ad of the product ranks higher"
        else:
            campaigns.add(candidate.ad.campaign)
            products.add(candidate.ad.asin)
        (lost if candidate.lost else firsts).append(candidate)
    for place, candidate in enumerate(firsts):
        after = firsts[place + 1].score if place + 1 < len(firsts) else 0.0
        enough = math.ceil(after / (candidate.rate * candidate.fit))
        candidate.price = min(max(enough, snapshot.floor), candidate.bid)
    for candidate in firsts[limit:]:
        candidate.lost = OUTRANKED
    return firsts[:limit], firsts[limit:] + lost


def _candidates(snapshot: Snapshot, context: Context) -> list[AuctionEntry]:
    """Each ad once, at the place where it is worth most of those where it may be shown."""
    best: dict[int, AuctionEntry] = {}
    states: dict[int, tuple[str, int, str]] = {}
    places = context.target_keys()
    for place, fit in places.items():
        for ad, bid in snapshot.ads.get(place, ()):
            if ad.campaign not in states:
                campaign = snapshot.campaigns.get(ad.campaign)  # campaigns are read more often: it may be gone
                states[ad.campaign] = eligibility(campaign, context, snapshot.floor) if campaign else ("gone", 0, "")
            lost, most, limit = states[ad.campaign]
            mean, rate = click_rate(ad.impressions, ad.clicks)
            lost = lost or unfit(ad, context.asin, places)
            if not lost and bid < snapshot.floor:
                lost = "bids below the floor"
            if not lost and not is_relevant(fit, mean):
                lost = "not relevant enough"
            target_bid, bid = bid, bid if lost else min(bid, most)
            known = best.get(ad.id)
            if known is None or (not lost, bid * fit) > (not known.lost, known.bid * known.fit):
                best[ad.id] = AuctionEntry(
                    ad,
                    place,
                    bid,
                    fit,
                    rate,
                    bid * rate * fit,
                    lost=lost,
                    target_bid=target_bid,
                    lowered=limit if bid < target_bid else "",
                )
    return list(best.values())


def unfit(ad: Ad, asin: str | None, places: Mapping[TargetKey, float]) -> str:
    """Why an ad is never shown on this page, or an empty text."""
    if ad.asin == asin:
        return "is the product itself"
    if ad.never and not ad.never.isdisjoint(places):
        return "has a negative target here"
    return ""


def is_relevant(fit: float, mean_rate: float) -> bool:
    """Whether it may be shown, whatever it bids."""
    return fit * mean_rate / TYPICAL_RATE >= LEAST_RELEVANCE


def eligibility(campaign: CampaignState, context: Context, floor: int) -> tuple[str, int, str]:
    """Why a campaign's ads are not shown, or an empty text; the most micros that a click may cost it now; and what
    allows no more."""
    now = context.now
    if campaign.status != Campaign.Status.ACTIVE:
        return campaign.status, 0, ""
    if now < campaign.starts or (campaign.ends and now >= campaign.ends):
        return "out of its dates", 0, ""
    left_today = campaign.daily_budget - campaign.spent_today
    most, limit = min((left_today, LEFT_TODAY), (campaign.total_left, LEFT_IN_ALL))
    if most < floor:
        return OUT_OF_MONEY, 0, ""
    if campaign.even:
        ahead = int(2 * (pace(campaign, now) - campaign.spent_today))  # as far ahead then as behind now
        most, limit = min((most, limit), (ahead, PACING))
        if most < floor:
            return AHEAD, 0, ""
    seen = context.seen.get(campaign.id, 0) if context.seen else 0
    if campaign.viewer_limit and seen >= min(campaign.viewer_limit, CLIENT_IMPRESSIONS):
        return VIEWER_LIMIT, 0, ""
    return "", most, limit


def pace(campaign: CampaignState, now: datetime, lead: float = LEAD) -> float:
    """Micros that an even line through the hours of today, as far as the campaign runs in them, comes to a ``lead``
    from now. It ends at the daily budget, or at what is left of the total one, so that the last day is even too."""
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    first = max(midnight, campaign.starts)
    last = min(midnight + timedelta(days=1), campaign.ends or datetime.max.replace(tzinfo=UTC))
    part = min((now - first) / (last - first) + lead, 1.0)
    return part * min(campaign.daily_budget, campaign.spent_today + campaign.total_left)


def click_rate(impressions: int, clicks: int) -> tuple[float, float]:
    """An ad's mean rate, drawn to what is typical while little is known; and that rate plus its standard deviation, by
    which ads are ranked, so that one that nobody has seen yet gets a fair try (an upper confidence bound of the Beta
    distribution: Auer, Cesa-Bianchi and Fischer, Machine Learning 2002)."""
    known = impressions + TYPICAL_IMPRESSIONS
    mean = min((clicks + TYPICAL_RATE * TYPICAL_IMPRESSIONS) / known, 1.0)
    return mean, mean + math.sqrt(mean * (1 - mean) / (known + 1))

"""Chooses ads, their order and their prices: a generalized second-price auction.

An ad's score is its bid times its click rate times the fit of its target (Edelman, Ostrovsky and Schwarz, American
Economic Review 2007, for bid and click rate). A click costs the lowest bid that would have kept the ad's position. This
module computes on a Snapshot and never queries the database.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from campaigns import running
from campaigns.keywords import KeywordIndex
from campaigns.models import Target

# Micros, the minimum price of a click. In use is money.floor(): this, or the currency's smallest coin if that is more.
FLOOR = 10_000
# How well a target fits a page, 1 at best. Categories are ordered from the root; the last one is the leaf.
FIT = {Target.Kind.PRODUCT: 1.0, Target.Kind.KEYWORD: 0.8, Target.Kind.CATEGORY: 0.7}
FIT_OF_A_PARENT_CATEGORY = 0.3
# The click rate assumed for a new ad, and the number of impressions that this assumption counts as.
TYPICAL_RATE, TYPICAL_IMPRESSIONS = 0.02, 50
# Impressions that count per client, campaign and day: as many as one click usually takes. So one address cannot make an
# ad irrelevant within a day, not even in a parent category.
CLIENT_IMPRESSIONS = round(1 / TYPICAL_RATE)
# Fit times click rate, relative to a typical ad with the best fit. An ad below is not shown, whatever it bids.
LEAST_RELEVANCE = 0.1
# Outcomes that the simulation uses too.
OUTRANKED = "outranked"
ANOTHER_AD = "another ad of its campaign ranks higher"
OUT_OF_MONEY = "out of money"
AHEAD = "ahead of its pace"
VIEWER_LIMIT = "the viewer's limit is reached"
# An outcome in previews and lists. A snapshot for requests has no such ad.
NO_PRODUCT = "its product is deleted, not listed or out of stock"
# Reasons for a lowered bid.
LEFT_TODAY = "what is left of the daily budget"
LEFT_IN_ALL = "what is left of the total budget"
PACING = "even pacing"
LEAD = 0.01  # part of a day that even pacing aims ahead, because clicks come later than impressions


@dataclass(frozen=True, slots=True)
class Ad:
    """An ad. ``never`` has the keys of its negative targets. Only a preview knows ads without an available product."""

    id: int
    campaign: int
    asin: str
    impressions: int
    clicks: int
    never: frozenset["TargetKey"]
    has_product: bool = True


class TargetKey(NamedTuple):
    """A kind of target and its value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class CampaignState:
    """A campaign and its spend, in micros."""

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
    """All ads at one moment: by target, each with its bid.

    ``keywords`` are those of the targets, ``negative_keywords`` those of the negative targets. ``floor`` is the minimum
    price of a click.
    """

    campaigns: Mapping[int, CampaignState]
    ads: Mapping[TargetKey, Sequence[tuple[Ad, int]]]
    keywords: KeywordIndex = field(default_factory=KeywordIndex)
    negative_keywords: KeywordIndex = field(default_factory=KeywordIndex)
    floor: int = FLOOR


@dataclass(frozen=True, slots=True)
class Context:
    """The page that the ads are for.

    ``categories`` are those of its product, from the root; ``more_categories`` are further leaves. ``keywords`` are the
    keywords of targets that match the search, ``negative_keywords`` those of negative targets. ``seen`` has the
    viewer's impressions of today by campaign.
    """

    now: datetime
    asin: str | None = None
    categories: Sequence[str] = ()
    more_categories: Sequence[str] = ()
    keywords: Sequence[str] = ()
    seen: Mapping[int, int] | None = None
    negative_keywords: Collection[str] = ()

    def target_keys(self) -> dict[TargetKey, float]:
        """Return the keys of all targets that match the page, with their fit."""
        parents = {TargetKey(Target.Kind.CATEGORY, name): FIT_OF_A_PARENT_CATEGORY for name in self.categories}
        leaves = [*self.categories[-1:], *self.more_categories]
        return (
            parents
            | {TargetKey(Target.Kind.CATEGORY, name): FIT[Target.Kind.CATEGORY] for name in leaves}
            | {TargetKey(Target.Kind.KEYWORD, word): FIT[Target.Kind.KEYWORD] for word in self.keywords}
            | ({TargetKey(Target.Kind.PRODUCT, self.asin): FIT[Target.Kind.PRODUCT]} if self.asin else {})
        )


@dataclass(slots=True)
class AuctionEntry:
    """An ad with its best target, and the outcome.

    ``lost`` is the reason, empty for a winner. ``bid`` is used in the auction; ``lowered`` says why it is less than
    ``target_bid``.
    """

    ad: Ad
    key: TargetKey
    bid: int
    fit: float
    rate: float = 0.0
    score: float = 0.0
    price: int = 0
    lost: str = ""
    target_bid: int = 0
    lowered: str = ""


def run_auction(snapshot: Snapshot, context: Context, limit: int) -> tuple[list[AuctionEntry], list[AuctionEntry]]:
    """Return the winners, best first, and the other ads. One ad per campaign and per product can win."""
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
    for position, candidate in enumerate(firsts):
        after = firsts[position + 1].score if position + 1 < len(firsts) else 0.0
        enough = math.ceil(after / (candidate.rate * candidate.fit))
        candidate.price = min(max(enough, snapshot.floor), candidate.bid)
    for candidate in firsts[limit:]:
        candidate.lost = OUTRANKED
    return firsts[:limit], firsts[limit:] + lost


def _candidates(snapshot: Snapshot, context: Context) -> list[AuctionEntry]:
    """Return each ad once, with the target of the highest bid times fit."""
    best: dict[int, AuctionEntry] = {}
    states: dict[int, tuple[str, int, str]] = {}
    keys = context.target_keys()
    on_page = keys.keys() | {TargetKey(Target.Kind.KEYWORD, word) for word in context.negative_keywords}
    for key, fit in keys.items():
        for ad, bid in snapshot.ads.get(key, ()):
            if ad.campaign not in states:
                campaign = snapshot.campaigns.get(ad.campaign)  # deleted since the ads were read
                states[ad.campaign] = (
                    eligibility(campaign, context, snapshot.floor) if campaign else ("its campaign is deleted", 0, "")
                )
            lost, most, limited_by = states[ad.campaign]
            mean, rate = click_rate(ad.impressions, ad.clicks)
            lost = lost or unfit(ad, context.asin, on_page)
            if not lost and bid < snapshot.floor:
                lost = "bids below the minimum price"
            if not lost and not is_relevant(fit, mean):
                lost = "not relevant enough"
            target_bid, bid = bid, bid if lost else min(bid, most)
            known = best.get(ad.id)
            if known is None or (not lost, bid * fit) > (not known.lost, known.bid * known.fit):
                best[ad.id] = AuctionEntry(
                    ad,
                    key,
                    bid,
                    fit,
                    rate,
                    bid * rate * fit,
                    lost=lost,
                    target_bid=target_bid,
                    lowered=limited_by if bid < target_bid else "",
                )
    return list(best.values())


def unfit(ad: Ad, asin: str | None, keys: Collection[TargetKey]) -> str:
    """Return why an ad is never shown on this page, or an empty text."""
    if not ad.has_product:
        return NO_PRODUCT
    if ad.asin == asin:
        return "is the product itself"
    if ad.never and not ad.never.isdisjoint(keys):
        return "has a negative target here"
    return ""


def is_relevant(fit: float, mean_rate: float) -> bool:
    """Return whether an ad may be shown, whatever its bid."""
    return fit * mean_rate / TYPICAL_RATE >= LEAST_RELEVANCE


def eligibility(campaign: CampaignState, context: Context, floor: int) -> tuple[str, int, str]:
    """Return why a campaign's ads are not shown, or an empty text; the highest price of a click now, in micros; and
    what limits it."""
    now = context.now
    if reason := running.why_not(campaign, now):
        return reason, 0, ""
    left_today = campaign.daily_budget - campaign.spent_today
    most, limited_by = min((left_today, LEFT_TODAY), (campaign.total_left, LEFT_IN_ALL))
    if most < floor:
        return OUT_OF_MONEY, 0, ""
    if campaign.even:
        ahead = int(
            2 * (pace(campaign, now) - campaign.spent_today)
        )  # the click may put it as far ahead as it is behind
        most, limited_by = min((most, limited_by), (ahead, PACING))
        if most < floor:
            return AHEAD, 0, ""
    seen = context.seen.get(campaign.id, 0) if context.seen else 0
    if campaign.viewer_limit and seen >= min(campaign.viewer_limit, CLIENT_IMPRESSIONS):
        return VIEWER_LIMIT, 0, ""
    return "", most, limited_by


def pace(campaign: CampaignState, now: datetime, lead: float = LEAD) -> float:
    """Return the micros that an evenly paced campaign should have spent a ``lead`` from now.

    The line runs through today's hours of the campaign and ends at the daily budget, or at what is left of the total
    budget if that is less, so that the last day is even too.
    """
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    first = max(midnight, campaign.starts)
    last = min(midnight + timedelta(days=1), campaign.ends or datetime.max.replace(tzinfo=UTC))
    part = min((now - first) / (last - first) + lead, 1.0)
    return part * min(campaign.daily_budget, campaign.spent_today + campaign.total_left)


def click_rate(impressions: int, clicks: int) -> tuple[float, float]:
    """Return an ad's estimated click rate, and that rate plus one standard deviation.

    The estimate starts from TYPICAL_RATE. Ads are ranked by the upper one, so that new ads get a fair try (an upper
    confidence bound of the Beta distribution: Auer, Cesa-Bianchi and Fischer, Machine Learning 2002).
    """
    known = impressions + TYPICAL_IMPRESSIONS
    mean = min((clicks + TYPICAL_RATE * TYPICAL_IMPRESSIONS) / known, 1.0)
    return mean, mean + math.sqrt(mean * (1 - mean) / (known + 1))

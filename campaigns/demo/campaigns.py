"""Demo advertisers, campaigns, ads and targets for existing products."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.choice import FLOOR
from campaigns.keywords import keyword
from campaigns.models import Advertiser, Campaign, SponsoredProduct, Target
from campaigns.money import floor
from catalog.models import Product

ADVERTISERS = 12
CAMPAIGNS = 30
HISTORY = 14  # days, today included
LOWEST_BID, HIGHEST_BID = 5, 120  # multiples of the minimum price, as all bids and prices: cents or yen

_INVENTED = [
    "Quayside Office Supply", "Paperwright Direct", "Deskbound", "The Stationers' Guild", "Northlight Interiors",
    "Two Rivers Trading", "Clerk & Ledger", "Bureau Nine", "Inkwell Collective", "Meridian Workplace",
    "Harbour Street Stores", "Plainfield & Co",
]  # fmt: skip
_OCCASIONS = [
    "Back to school", "New year, new desk", "Spring clearance", "Home office", "Bestsellers", "New arrivals",
    "Refills and bulk packs", "Gift season", "Meeting rooms", "Tax time", "Summer sale", "Everyday essentials",
]  # fmt: skip
_UNWANTED = ["used", "refurbished", "free sample", "replacement parts", "toy", "wholesale"]


@dataclass
class Offer:
    """An ad before it is saved. ``rate`` is the probability of a click."""

    ad: SponsoredProduct
    targets: list[Target]
    rate: float


@dataclass
class Plan:
    """A campaign before it is saved. Its ads are shown from ``begun`` to ``over``."""

    number: int
    campaign: Campaign
    begun: datetime
    over: datetime
    demand: int  # impressions a day
    offers: list[Offer] = field(default_factory=list)


def make_advertisers(rng: random.Random, products: list[Product]) -> list[Advertiser]:
    """Return advertisers: the brands with most products, then invented names."""
    brands = Counter(product.brand for product in products if product.brand)
    ranked = sorted(brands, key=lambda brand: (-brands[brand], brand))[: ADVERTISERS - 2]
    invented = [name for name in rng.sample(_INVENTED, len(_INVENTED)) if name not in ranked]
    return [Advertiser(name=name) for name in [*ranked, *invented][:ADVERTISERS]]


def make_campaigns(
    rng: random.Random, advertisers: list[Advertiser], products: list[Product], now: datetime
) -> list[Plan]:
    """Return two or three campaigns per advertiser, for its own products if it is a brand with enough of them."""
    fates = ["active"] * 18 + ["paused"] * 4 + ["ended"] * 4 + ["to come"] * 4
    rng.shuffle(fates)
    plans = []
    for number, fate in enumerate(fates[:CAMPAIGNS]):
        advertiser = advertisers[number % len(advertisers)]
        # Another occasion in each round, so that an advertiser's campaigns have different names.
        occasion = _OCCASIONS[(number + number // len(advertisers)) % len(_OCCASIONS)]
        plan = _plan(rng, number, Campaign(advertiser=advertiser, name=occasion, demo=True), fate, now)
        own = [product for product in products if product.brand == advertiser.name]
        choice = own if len(own) >= 5 else products
        for product in rng.sample(choice, min(rng.randint(5, 9), len(choice))):
            ad = SponsoredProduct(campaign=plan.campaign, product=product)
            plan.offers.append(Offer(ad, _targets(rng, ad, product, products), rng.uniform(0.008, 0.045)))
        plans.append(plan)
    return plans


def _plan(rng: random.Random, number: int, campaign: Campaign, fate: str, now: datetime) -> Plan:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    campaign.starts = begun = midnight - timedelta(days=rng.randint(6, HISTORY - 1))
    over = now
    if fate == "paused":
        campaign.status, over = Campaign.Status.PAUSED, now - timedelta(hours=rng.randint(5, 72))
    elif fate == "ended":
        campaign.status = Campaign.Status.ENDED
        campaign.ends = over = midnight - timedelta(days=rng.randint(1, 5))
    elif fate == "to come":
        campaign.starts = begun = midnight + timedelta(days=rng.randint(2, 20), hours=9)
        campaign.ends = begun + timedelta(days=rng.randint(14, 60))
    elif rng.random() < 0.4:
        campaign.ends = midnight + timedelta(days=rng.randint(5, 60))
    campaign.daily_budget = rng.choice([2, 3, 5, 8, 12, 20]) * 100 * floor()
    campaign.total_budget = campaign.daily_budget * rng.choice([5, 30, 30, 60])
    campaign.pacing = rng.choice([Campaign.Pacing.EVEN, Campaign.Pacing.EVEN, Campaign.Pacing.ASAP])
    campaign.viewer_limit = rng.choice([None, None, 3, 5, 10])
    return Plan(number, campaign, begun, over, rng.randint(150, 700))


def _targets(rng: random.Random, ad: SponsoredProduct, product: Product, products: list[Product]) -> list[Target]:
    """Return targets of every kind, positive and negative, each value once."""
    bids: dict[tuple[str, str], int | None] = {}
    base = rng.randint(LOWEST_BID * FLOOR, HIGHEST_BID * FLOOR * 2 // 3) * floor() // FLOOR
    if product.leaf_category:
        bids[Target.Kind.CATEGORY, product.leaf_category] = _bid(base)
    for word in _words(product)[-2:]:
        bids[Target.Kind.KEYWORD, word] = _bid(base * rng.uniform(0.8, 1.4))
    like = [each for each in rng.sample(products, min(60, len(products))) if each.asin != product.asin]
    near = [each for each in like if each.leaf_category == product.leaf_category] or like
    for other in near[: rng.randint(0, 2)]:
        bids[Target.Kind.PRODUCT, other.asin] = _bid(base * rng.uniform(1, 1.5))
    far = [each for each in like if each.leaf_category != product.leaf_category]
    if far and rng.random() < 0.3:
        bids.setdefault((Target.Kind.PRODUCT, far[0].asin), None)
    if far and far[0].leaf_category and rng.random() < 0.2:
        bids.setdefault((Target.Kind.CATEGORY, far[0].leaf_category), None)
    if rng.random() < 0.4 or not any(bids.values()):
        bids.setdefault((Target.Kind.KEYWORD, rng.choice(_UNWANTED)), None)
    if not any(bids.values()):  # the only product, without category and title
        bids[Target.Kind.KEYWORD, keyword(product.asin)] = _bid(base)
    return [Target(ad=ad, kind=kind, value=value, bid=bid, negative=bid is None) for (kind, value), bid in bids.items()]


def _bid(micros: float) -> int:
    return min(max(round(micros / floor()), LOWEST_BID), HIGHEST_BID) * floor()


def _words(product: Product) -> list[str]:
    """Return the last two words and the last word before the first comma of the title: "gel pen" and "pen"."""
    words = re.findall(r"[^\W\d_]{3,}(?:-[^\W\d_]+)*", product.title.split(",")[0])
    found = [keyword(" ".join(words[-2:]))[:200], keyword(words[-1])[:200]] if words else []
    return list(dict.fromkeys(found))

"""The products of the demo shop."""

import math
import random
from dataclasses import dataclass

from catalog.demo.vocabulary import BRANDS, COLORED_PICTURES, COLORS, KINDS, LINES, Kind
from catalog.models import Product, leaf_category

_ASIN_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CENTS = (0.49, 0.95, 0.99)


@dataclass
class DemoProduct:
    """A product and how shoppers see it: ``quality`` from -1 to 1, ``appeal`` as a weight above 0."""

    product: Product
    kind: Kind
    noun: str
    quality: float
    appeal: float


def make_products(rng: random.Random, count: int, base_url: str) -> list[DemoProduct]:
    """``count`` products of all kinds, with unique titles."""
    made: list[DemoProduct] = []
    taken: set[str] = set()  # titles and asins
    while len(made) < count:
        kind = KINDS[len(made) % len(KINDS)]
        brand, noun = rng.choice(BRANDS), rng.choice(kind.nouns)
        details = [rng.choice(each.split("|")) for each in rng.sample(kind.details, 2)]
        model = f" {rng.choice('ABCDEFGHKMT')}{rng.randrange(10, 100)}" if rng.random() < 0.3 else ""
        color = [rng.choice([*COLORS])] if kind.picture in COLORED_PICTURES else []
        title = ", ".join([f"{brand} {rng.choice(LINES)}{model} {noun}", *details, *color])
        asin = "D0" + "".join(rng.choices(_ASIN_LETTERS, k=8))
        if title in taken or asin in taken:
            continue
        taken |= {title, asin}
        categories = ["Office Products", kind.parent, kind.category]
        price = max(1, math.floor(rng.lognormvariate(math.log(kind.price), 0.35))) + rng.choice(_CENTS)
        description = _description(rng, kind, brand, noun, details)
        hue = rng.randrange(0, 360, 15)
        shade = COLORS[color[0]] if color else hue
        product = Product(
            asin=asin,
            title=title,
            description=description,
            im_url=f"{base_url}/pictures/{kind.picture}-{shade}.svg",
            categories=categories,
            leaf_category=leaf_category(categories),
            brand=brand,
            price=f"{price:.2f}",
        )
        # Pareto: everybody buys a few products, and few people buy most of them.
        made.append(DemoProduct(product, kind, noun, rng.gauss(0.25, 0.4), rng.paretovariate(1.1)))
    return made


def _description(rng: random.Random, kind: Kind, brand: str, noun: str, details: list[str]) -> str:
    opening = rng.choice(
        [
            f"{brand} made this {noun.lower()} for people who use one every day.",
            f"A {noun.lower()} that does its work and stays out of the way.",
            f"The {noun.lower()} from {brand}, at home on a desk and in a supply room alike.",
            f"From {brand}: a {noun.lower()} for the office, the classroom and the kitchen table.",
        ]
    )
    middle = rng.choice(
        [
            f"Features: {details[0]}, {details[1]}.",
            f"In short: {details[0]}, {details[1]}.",
            f"What sets it apart: {details[0]} and {details[1]}.",
        ]
    )
    promise = rng.choice(kind.good)
    closing = rng.choice(
        [
            "Packed without plastic.",
            "One year of warranty.",
            "Also sold in larger quantities.",
            "Designed to be repaired, not replaced.",
            "Ships in two working days.",
        ]
    )
    return f"{opening} {middle} In the words of one who tried it: “{promise}.” {closing}"


def relate(made: list[DemoProduct], baskets: dict[str, list[str]]) -> None:
    """Set ``related`` and ``sales_rank`` from ``baskets``, the asins that each reviewer reviewed."""
    together: dict[str, dict[str, int]] = {each.product.asin: {} for each in made}
    bought = dict.fromkeys(together, 0)
    for basket in baskets.values():
        for asin in basket:
            bought[asin] += 1
            for other in basket:
                if other != asin:
                    together[asin][other] = together[asin].get(other, 0) + 1
    kinds: dict[str, list[str]] = {}
    for each in made:
        kinds.setdefault(each.kind.category, []).append(each.product.asin)
    ranked = sorted(bought, key=lambda asin: (-bought[asin], asin))
    ranks = {asin: place for place, asin in enumerate(ranked, 1)}
    for each in made:
        asin = each.product.asin
        also_bought = sorted(together[asin], key=lambda other: (-together[asin][other], other))[:8]
        viewed = sorted((other for other in kinds[each.kind.category] if other != asin), key=ranks.__getitem__)[:6]
        related = {"also_bought": also_bought, "also_viewed": viewed}
        each.product.related = {name: listed for name, listed in related.items() if listed}
        each.product.sales_rank = {"Office Products": ranks[asin]}

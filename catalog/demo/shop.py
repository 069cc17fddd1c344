"""The whole demo shop, and the options that select one."""

import random
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.demo.products import DemoProduct, make_products, relate
from catalog.demo.reviews import make_reviews
from catalog.models import Review

MOST = {"products": 100_000, "reviewers": 1_000_000}


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--seed", type=int, default=1, help="each number makes a different shop")
    parser.add_argument("--products", type=int, default=1200)
    parser.add_argument("--reviewers", type=int, default=3000)


def check(options: dict[str, Any]) -> None:
    """Raises CommandError for a size out of range."""
    for name, most in MOST.items():
        if not 1 <= options[name] <= most:
            raise CommandError(f"--{name}: must be from 1 to {most}")


def make_shop(seed: int, products: int, reviewers: int, base_url: str) -> tuple[list[DemoProduct], list[Review]]:
    """Products and reviews; equal arguments make equal shops."""
    rng = random.Random(seed)
    made = make_products(rng, products, base_url)
    reviews = make_reviews(rng, made, reviewers)
    baskets: dict[str, list[str]] = {}
    for review in reviews:
        baskets.setdefault(review.reviewer_id, []).append(review.product_id)
    relate(made, baskets)
    return made, reviews

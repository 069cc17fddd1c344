"""Simulates which viewer opens which page, and when."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from campaigns.simulation.world import Shelf, World

HOUR = 3600
WIDEST = "Everything"  # the root category
SEARCHES = 0.25  # part of the pages; the others are product pages
PAGES_OF_A_VIEWER = 4
# Relative traffic at the start of each hour, interpolated in between.
COURSE = [60, 48, 40, 36, 36, 40, 52, 70, 85, 95, 100, 105, 110, 105, 100, 100, 105, 115, 130, 150, 165, 160, 130, 90]


@dataclass(frozen=True, slots=True)
class Page:
    """A visit, ``at`` seconds since midnight. ``clicks_on`` is the campaign that a fraudster clicks, else None."""

    at: float
    viewer: str
    asin: str | None
    categories: tuple[str, ...]
    keywords: tuple[str, ...]
    address: str
    clicks_on: int | None = None


def pages(rng: random.Random, world: World, count: int) -> Iterator[Page]:
    """Yield pages in chronological order."""
    viewers = max(1, count // PAGES_OF_A_VIEWER)
    popular = list(accumulate(1 / (rank + 5) ** 0.5 for rank in range(len(world.shelves))))
    for at in _moments(rng, count):
        # Some look at many pages, most at a few.
        viewer = f"viewer {int(viewers * rng.random() ** 1.5)}"
        shelf = rng.choices(world.shelves, cum_weights=popular)[0]
        yield _page(rng, at, viewer, shelf)


def _page(rng: random.Random, at: float, viewer: str, shelf: Shelf) -> Page:
    if rng.random() < SEARCHES:
        return Page(at, viewer, None, (WIDEST, shelf.category), (shelf.keyword,), f"home of {viewer}")
    return Page(at, viewer, rng.choice(shelf.asins), (WIDEST, shelf.category), (), f"home of {viewer}")


def _moments(rng: random.Random, count: int) -> list[float]:
    minutes = [_busy(minute / 60) for minute in range(24 * 60)]
    drawn = rng.choices(range(24 * 60), minutes, k=count)
    return sorted(60 * (minute + rng.random()) for minute in drawn)


def _busy(hour: float) -> float:
    whole = int(hour)
    return COURSE[whole] + (COURSE[(whole + 1) % 24] - COURSE[whole]) * (hour - whole)

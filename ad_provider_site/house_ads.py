"""Draws house ads from the candidates."""

import random
from collections.abc import Sequence

from catalog.repository import AdCandidates
from catalog.served import ProductRow

# A candidate has half the weight of one this many places above it.
HALF_LIFE = 5


def draw_house_ads(candidates: AdCandidates, limit: int, rng: random.Random) -> list[ProductRow]:
    """Return up to ``limit`` products: those that fit the context, then others, best rated first in each part.

    They are drawn at random, better rated ones more often, so that calls differ and every product gets its turn.
    """
    chosen = _draw(candidates.fitting, limit, rng)
    return chosen + _draw(candidates.others, limit - len(chosen), rng)


def _draw(rated: Sequence[ProductRow], count: int, rng: random.Random) -> list[ProductRow]:
    """Draw ``count`` of the products without replacement, and keep their order.

    Weighted sampling by sorted keys u^(1/w): Efraimidis and Spirakis, 2006.
    """
    keys = [rng.random() ** (2 ** (place / HALF_LIFE)) for place in range(len(rated))]
    winners = sorted(range(len(rated)), key=keys.__getitem__, reverse=True)[:count]
    return [rated[place] for place in sorted(winners)]

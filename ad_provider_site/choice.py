"""Which of the candidates are shown."""

import random
from collections.abc import Sequence

from catalog.repository import AdCandidates
from catalog.served import ProductRow

# A candidate is half as likely to be shown as one this many places above it.
HALF_LIFE = 5


def draw_house_ads(candidates: AdCandidates, limit: int, rng: random.Random) -> list[ProductRow]:
    """Up to ``limit`` different products: those that fit the context first, best rated first in each part.

    Which ones is drawn by lot, the better rated ones more often, so that calls differ and all get their turn.
    """
    chosen = _draw(candidates.fitting, limit, rng)
    return chosen + _draw(candidates.others, limit - len(chosen), rng)


def _draw(rated: Sequence[ProductRow], count: int, rng: random.Random) -> list[ProductRow]:
    """``count`` of the products without replacement, in their own order.

    Weighted sampling by sorted keys u^(1/w): Efraimidis and Spirakis, 2006.
    """
    keys = [rng.random() ** (2 ** (place / HALF_LIFE)) for place in range(len(rated))]
    winners = sorted(range(len(rated)), key=keys.__getitem__, reverse=True)[:count]
    return [rated[place] for place in sorted(winners)]

"""The staff's rules for lists: pinned, boosted and buried products."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from django.db import connection
from django.utils import timezone

from catalog.rows import select
from recommendations.models import MerchandisingRule

BOOST = 2.0  # factor of the score
MAX_RULES = 1000  # in force in one list
Action = MerchandisingRule.Action


class Scored(Protocol):
    """A candidate: the id of a product, and its score."""

    @property
    def product(self) -> int: ...
    @property
    def score(self) -> float: ...


S = TypeVar("S", bound=Scored)


class Rules(NamedTuple):
    """Ids of products, the pinned ones in their order."""

    pinned: Sequence[int] = ()
    boosted: frozenset[int] = frozenset()
    buried: frozenset[int] = frozenset()

    def ordered(self, candidates: list[S]) -> list[S]:
        """``candidates``, which are ordered by score, after the boost. One without a score goes ahead of its equals."""
        if self.boosted.isdisjoint(each.product for each in candidates):
            return candidates

        def key(each: S) -> tuple[float, bool]:
            is_boosted = each.product in self.boosted
            return -each.score * (BOOST if is_boosted else 1), not is_boosted

        return sorted(candidates, key=key)


NO_RULES = Rules()


def rules_for(category: str) -> Rules:
    """The rules in force now in lists of ``category``, which may be empty: MAX_RULES at most, pins first. One query."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    found = select(
        # "pin" is the last word
        """SELECT action, product_id FROM recommendations_merchandisingrule
        WHERE category IN ('', %s) AND starts <= %s AND (ends IS NULL OR ends > %s)
        ORDER BY action DESC, place, id LIMIT %s""",
        category,
        now,
        now,
        MAX_RULES,
    )
    by_action: dict[str, dict[int, None]] = {action: {} for action in Action}
    for action, product in found:
        by_action[action][product] = None
    return Rules([*by_action[Action.PIN]], frozenset(by_action[Action.BOOST]), frozenset(by_action[Action.BURY]))

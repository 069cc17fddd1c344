"""The staff's rules for lists: pinned, boosted and buried products."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

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
    """The rules in force now in lists of ``category``, which may be empty. One query."""
    in_force, parameters = rules_in_force("%s", category)
    return rules_of(select(f"SELECT action, product_id {in_force}", *parameters))


def rules_in_force(category: str, *parameters: Any) -> tuple[str, list[Any]]:
    """SQL from FROM on for the rules in force now in lists of ``category``, which is SQL with these parameters:
    MAX_RULES at most, pins first."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    # "pin" is the last word
    in_force = f"""FROM recommendations_merchandisingrule
        WHERE category IN ('', {category}) AND starts <= %s AND (ends IS NULL OR ends > %s)
        ORDER BY action DESC, place, id LIMIT %s"""
    return in_force, [*parameters, now, now, MAX_RULES]


def rules_of(found: Iterable[tuple[str, int]]) -> Rules:
    """The rules with these actions and products, in the order of ``rules_in_force``."""
    by_action: dict[str, dict[int, None]] = {action: {} for action in Action}
    for action, product in found:
        by_action[action][product] = None
    return Rules([*by_action[Action.PIN]], frozenset(by_action[Action.BOOST]), frozenset(by_action[Action.BURY]))

"""The products that ads need, as calls protected by the database breaker.

Answers to anybody: rows may be as old as the snapshot of the campaigns, but withdrawn products are left out at once.
"""

from collections.abc import Collection
from typing import NamedTuple

from django.conf import settings

from catalog import defaults
from catalog.models import AVAILABLE, Product
from catalog.rows import Rows, placeholders
from catalog.served import ProductRow
from catalog.withdrawals import withdrawals
from resilience.fallback import with_fallback

# Characters of a description in an ad.
AD_TEXT = 500

# Products with no more data than an ad needs.
advertised = Rows(
    Product,
    ProductRow,
    instead={
        "description": f"substr(description, 1, {AD_TEXT})",
        "related": "'{}'",
        "sales_rank": "'{}'",
    },
)


class AdCandidates(NamedTuple):
    """Products for house ads. Each list has the best rated and most reviewed products first."""

    fitting: list[ProductRow]
    others: list[ProductRow]

    def without(self, asins: Collection[str | None]) -> "AdCandidates":
        """The candidates except these."""
        return AdCandidates(*([each for each in part if each.asin not in asins] for part in self))


def _available(candidates: AdCandidates, age: float) -> AdCandidates | None:
    if not withdrawals.are_known_since(age):
        return None
    return AdCandidates(
        *([each for each in part if withdrawals.current(each, age).is_available] for part in candidates)
    )


def _snapshot_age() -> float:
    return float(settings.ADS_SNAPSHOT_SECONDS)


def categories_now(asin: str) -> tuple[str, ...]:
    """The categories of a product, from the root; none of an unknown product. One query."""
    return tuple(Product.objects.filter(asin=asin).values_list("categories", flat=True).first() or ())


@with_fallback(default=lambda *, asin: tuple[str, ...](), fresh_for=_snapshot_age)
def get_categories(*, asin: str) -> tuple[str, ...]:
    """The same, at most ADS_SNAPSHOT_SECONDS old."""
    return categories_now(asin)


@with_fallback(
    default=lambda *, leaves, limit: AdCandidates([], defaults.ads(limit=limit)),
    revise=_available,
    fresh_for=_snapshot_age,
)
def get_candidates(*, leaves: tuple[str, ...], limit: int) -> AdCandidates:
    """Up to ``limit`` available products of the leaf categories and as many others, best rated first.

    Two queries, one without categories.
    """
    marks = placeholders(leaves)
    best = f"AND {AVAILABLE} ORDER BY smoothed_rating DESC, id LIMIT {limit:d}"
    fitting = advertised.fetch(f"WHERE leaf_category IN ({marks}) {best}", *leaves) if leaves else []
    others = advertised.fetch(f"WHERE (leaf_category IN ({marks})) IS NOT TRUE {best}", *leaves)
    return AdCandidates(fitting, others)

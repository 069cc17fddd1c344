"""Every query of a request, behind the database breaker."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils import timezone

from campaigns import charging
from campaigns.choice import Candidate, Context, choose
from campaigns.decisions import viewer_hash
from campaigns.models import Reason, Viewer, day_of, keyword
from campaigns.snapshot import keeper
from campaigns.spool import Happened, Spool
from catalog.models import Product
from catalog.rows import Rows
from resilience import breakers, provenance
from resilience.breakers import DATABASE
from resilience.errors import DependencyUnavailable
from resilience.fallback import write_through

_products = Rows(Product)


class Chosen(NamedTuple):
    """The winners with their products, best first; the other candidates; and the viewer's hash, or an empty text."""

    ads: list[tuple[Candidate, Product]]
    others: list[Candidate]
    viewer: str = ""


def get_sponsored(
    *, asin: str | None, categories: Sequence[str], keywords: Sequence[str], limit: int, viewer: str | None
) -> Chosen:
    """Up to ``limit`` ads, none while the database is away: what is missing is filled with house ads, which say where
    they come from. One query for the products that won, one for each of ``asin`` and ``viewer``."""
    try:
        chosen = breakers.get(DATABASE).call(_choose, asin, categories, keywords, limit, viewer)
    except DependencyUnavailable:
        return Chosen([], [])
    provenance.note("live")
    return chosen


def _choose(
    asin: str | None, categories: Sequence[str], keywords: Sequence[str], limit: int, viewer: str | None
) -> Chosen:
    snapshot = keeper.latest()
    if snapshot is None:
        return Chosen([], [])
    now = timezone.now()
    own: list[str] = []
    if asin is not None:
        own = Product.objects.filter(asin=asin).values_list("categories", flat=True).first() or []
    hashed = viewer_hash(viewer, day_of(now)) if viewer else ""
    seen = Viewer.objects.filter(day=day_of(now), viewer=hashed).values_list("campaign", "impressions")
    context = Context(now, asin, own, categories, [keyword(each) for each in keywords], dict(seen) if hashed else None)
    winners, others = choose(snapshot, context, limit)
    return Chosen(_with_products(winners), others, hashed)


def _with_products(winners: Sequence[Candidate]) -> list[tuple[Candidate, Product]]:
    if not winners:
        return []
    marks = ", ".join(["%s"] * len(winners))
    found = _products.fetch(f"WHERE asin IN ({marks})", *(each.ad.asin for each in winners))
    products = {product.asin: product for product in found}
    return [(each, products[each.ad.asin]) for each in winners if each.ad.asin in products]  # or it was deleted


@write_through(DATABASE)
def record(happened: Happened) -> Reason | None:
    """Write what happened to the ledger; None where it counts. Raises DependencyUnavailable."""
    kind, decision, at, reason = happened
    if reason is None and decision:
        reason = charging.charge(kind, decision, at)
    if reason:
        charging.count_unbilled(kind, decision.campaign if decision else None, at, reason)
    return reason


spool = Spool(record)


def record_or_keep(happened: Happened) -> None:
    """Write what happened to the ledger, or keep it until that can be done. Never raises."""
    spool.watch()
    try:
        record(happened)
    except DependencyUnavailable:
        spool.add(happened)

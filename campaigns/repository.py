"""Every query of a request, behind the database breaker."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import Error
from django.utils import timezone

from campaigns import charging
from campaigns.choice import AuctionEntry, Context, run_auction
from campaigns.decisions import Decision, viewer_hash
from campaigns.models import Kind, Reason, Viewer, day_of, keyword, search_term
from campaigns.snapshot import keeper
from campaigns.spool import AdEvent, Spool
from catalog.models import Product
from catalog.repository import advertised
from catalog.served import ProductRow
from resilience import breakers, provenance
from resilience.breakers import DATABASE
from resilience.database import InDoubt, was_in_doubt
from resilience.errors import DependencyUnavailable
from resilience.fallback import protected_write

KEPT_AT_MOST = timedelta(days=1)  # that something waits to be written, after which it does not count

logger = logging.getLogger(__name__)


class ImpressionWaits(Exception):
    """A click's impression may be among what is kept to be written."""


class Chosen(NamedTuple):
    """The winners with their products, best first; the other candidates; the viewer's hash, or an empty text; and what
    was searched for, to be reported."""

    ads: list[tuple[AuctionEntry, ProductRow]]
    others: list[AuctionEntry]
    viewer: str = ""
    term: str = ""


def get_sponsored(
    *, asin: str | None, categories: Sequence[str], keywords: Sequence[str], limit: int, viewer: str | None
) -> Chosen:
    """Up to ``limit`` ads, none while the database is away: what is missing is filled with house ads, which say where
    they come from. One query for the products that won, one for each of ``asin`` and ``viewer``."""
    spool.watch()
    now = timezone.now()
    hashed = viewer_hash(viewer, day_of(now)) if viewer else ""
    words = [keyword(each) for each in keywords]
    # Only what asks the database goes through its breaker: a call that does not would pass for a successful trial.
    database = breakers.get(DATABASE)
    try:
        snapshot = keeper.latest()
        own, seen = database.call(_known_of, asin, hashed, now) if asin or hashed else ([], None)
        if snapshot is None:
            return Chosen([], [])
        winners, others = run_auction(snapshot, Context(now, asin, own, categories, words, seen), limit)
        chosen = Chosen(database.call(_with_products, winners) if winners else [], others, hashed, search_term(words))
    except DependencyUnavailable:
        return Chosen([], [])
    if chosen.ads:
        provenance.note("live")
    return chosen


def _known_of(asin: str | None, viewer: str, now: datetime) -> tuple[list[str], dict[int, int] | None]:
    """The categories of a product, and a viewer's impressions of today by campaign."""
    own: list[str] = []
    if asin:
        own = Product.objects.filter(asin=asin).values_list("categories", flat=True).first() or []
    seen = Viewer.objects.filter(day=day_of(now), viewer=viewer).values_list("campaign", "impressions")
    return own, dict(seen) if viewer else None


def _with_products(winners: Sequence[AuctionEntry]) -> list[tuple[AuctionEntry, ProductRow]]:
    marks = ", ".join(["%s"] * len(winners))
    found = advertised.fetch(f"WHERE asin IN ({marks})", *(each.ad.asin for each in winners))
    products = {product.asin: product for product in found}
    return [(each, products[each.ad.asin]) for each in winners if each.ad.asin in products]  # or it was deleted


def record(happened: AdEvent) -> Reason | None:
    """Write what happened to the ledger; None where it counts. Raises DependencyUnavailable or ImpressionWaits."""
    return _record(happened, again=False)


def record_again(happened: AdEvent) -> Reason | None:
    """The same for what was kept, which may have been written before and then is no repetition."""
    return _record(happened, again=True)


def _record(happened: AdEvent, *, again: bool) -> Reason | None:
    kind, decision, at, reason, address = happened
    if reason is None and timezone.now() - at > KEPT_AT_MOST:
        reason = Reason.EXPIRED  # it may have counted and been folded up since
    if reason is None and decision:
        is_waiting = not again and spool.is_waiting()
        reason = _charge(kind, decision, at, address)
        if reason is Reason.UNSEEN and is_waiting:
            raise ImpressionWaits
    if reason and not (again and reason is Reason.REPEATED):
        try:
            _count_unbilled(kind, decision.campaign if decision else None, at, reason)
        except DependencyUnavailable as error:
            if not isinstance(error.__cause__, InDoubt):  # else it would be kept, and might be counted twice
                raise
    return reason


@protected_write(DATABASE)
def _charge(kind: Kind, decision: Decision, at: datetime, address: str) -> Reason | None:
    reason = charging.charge(kind, decision, at, address)
    # An attempt that is made again may find its own charge.
    return None if reason is Reason.REPEATED and was_in_doubt() else reason


@protected_write(DATABASE)
def _count_unbilled(kind: Kind, campaign: int | None, at: datetime, reason: Reason) -> None:
    if not was_in_doubt():  # nobody can tell whether it is counted already; once too few is better than twice
        charging.count_unbilled(kind, campaign, at, reason)


spool = Spool(record_again)


def record_or_keep(happened: AdEvent) -> None:
    """Write what happened to the ledger, or keep it until that can be done. Never raises."""
    spool.watch()
    try:
        record(happened)
    except (DependencyUnavailable, ImpressionWaits):
        spool.add(happened)
    except Error:  # what the database refuses now it refuses later
        logger.exception("an event is lost")

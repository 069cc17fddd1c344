"""The queries of requests for ads and of their URLs, behind the database breaker."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import Error
from django.utils import timezone

from campaigns import charging, snapshot
from campaigns.choice import AuctionEntry, Context, Snapshot, run_auction
from campaigns.decisions import Decision, viewer_hash
from campaigns.keywords import keyword, search_term
from campaigns.models import Kind, Reason, Viewer, day_of
from campaigns.snapshot import refresher
from campaigns.spool import AdEvent, Spool
from catalog.models import AVAILABLE
from catalog.repository import advertised
from catalog.rows import placeholders
from catalog.served import ProductRow
from resilience import breakers, provenance
from resilience.database import InDoubt
from resilience.errors import DependencyUnavailable
from resilience.fallback import protected_write

KEPT_AT_MOST = timedelta(days=1)  # an event in the spool does not count after this time

logger = logging.getLogger(__name__)


class ImpressionWaits(Exception):
    """The impression of a click may still be in the spool."""


class Page(NamedTuple):
    """The page that ads are for: its product with that product's categories, from the root; further leaf categories;
    and search terms."""

    asin: str | None = None
    categories: Sequence[str] = ()
    more_categories: Sequence[str] = ()
    keywords: Sequence[str] = ()


class Chosen(NamedTuple):
    """The winners with their products, best first; the other candidates; the viewer's hash or an empty text; and the
    search term for reports."""

    ads: list[tuple[AuctionEntry, ProductRow]]
    others: list[AuctionEntry]
    viewer: str = ""
    term: str = ""


def get_sponsored(page: Page, *, limit: int, viewer: str | None) -> Chosen:
    """Return up to ``limit`` ads, none during a database outage. House ads fill the rest and note their own source.

    One query for the products that won, one for the ``viewer``.
    """
    try:
        latest = refresher.latest()
        chosen = _choose(latest, page, limit, viewer) if latest else Chosen([], [])
    except DependencyUnavailable:
        return Chosen([], [])
    if chosen.ads:
        provenance.note("live")
    return chosen


def preview(page: Page, *, limit: int) -> Chosen:
    """Choose ads as get_sponsored does, but from the database as it is now. Raises DependencyUnavailable."""
    return _choose(snapshot.read(every=True), page, limit, None)


def _choose(known: Snapshot, page: Page, limit: int, viewer: str | None) -> Chosen:
    now = timezone.now()
    hashed = viewer_hash(viewer, day_of(now)) if viewer else ""
    terms = [keyword(each) for each in page.keywords]
    # The breaker calls only what queries the database: any other call would pass for a successful probe.
    database = breakers.database_breaker()
    context = Context(
        now,
        page.asin,
        page.categories,
        page.more_categories,
        known.keywords.matching(terms),
        database.call(_seen_by, hashed, now) if hashed else None,
        known.negative_keywords.all_matching(terms),
    )
    winners, others = run_auction(known, context, limit)
    return Chosen(database.call(_with_products, winners) if winners else [], others, hashed, search_term(terms))


def _seen_by(viewer: str, now: datetime) -> dict[int, int]:
    """Return a viewer's impressions of today by campaign."""
    return dict(Viewer.objects.filter(day=day_of(now), viewer=viewer).values_list("campaign", "impressions"))


def _with_products(winners: Sequence[AuctionEntry]) -> list[tuple[AuctionEntry, ProductRow]]:
    where = f"WHERE {AVAILABLE} AND asin IN ({placeholders(winners)})"
    found = advertised.fetch(where, *(each.ad.asin for each in winners))
    products = {product.asin: product for product in found}
    return [(each, products[each.ad.asin]) for each in winners if each.ad.asin in products]  # else withdrawn since


def record(event: AdEvent) -> Reason | None:
    """Write an event to the ledger. Return None if it counts. Raises DependencyUnavailable or ImpressionWaits."""
    return _record(event, again=False)


def record_again(event: AdEvent) -> Reason | None:
    """Write an event from the spool. One that was written before is not counted as repeated."""
    return _record(event, again=True)


def _record(event: AdEvent, *, again: bool) -> Reason | None:
    kind, decision, at, reason, address = event
    if reason is None and timezone.now() - at > KEPT_AT_MOST:
        reason = Reason.EXPIRED  # it may have counted, and the roll-up deletes events
    if reason is None and decision:
        is_waiting = not again and spool.is_waiting()
        reason = _charge(kind, decision, at, address)
        if reason is Reason.UNSEEN and is_waiting:
            raise ImpressionWaits
    if reason and not (again and reason is Reason.REPEATED):
        try:
            _count_unbilled(kind, decision.campaign if decision else None, at, reason)
        except DependencyUnavailable as error:
            if not isinstance(error.__cause__, InDoubt):  # the spool would count it twice
                raise
    return reason


def _confirm_charge(kind: Kind, decision: Decision, at: datetime, address: str) -> Reason | None:
    """Charge again. A repetition is the charge of the lost attempt."""
    reason = charging.charge(kind, decision, at, address)
    return None if reason is Reason.REPEATED else reason


@protected_write(confirm=_confirm_charge)
def _charge(kind: Kind, decision: Decision, at: datetime, address: str) -> Reason | None:
    return charging.charge(kind, decision, at, address)


# Nobody can tell whether the lost attempt counted: rather once too few than twice.
@protected_write(confirm=lambda *event: None)
def _count_unbilled(kind: Kind, campaign: int | None, at: datetime, reason: Reason) -> None:
    charging.count_unbilled(kind, campaign, at, reason)


spool = Spool(record_again)


def record_or_keep(event: AdEvent) -> None:
    """Write an event to the ledger, or keep it in the spool during an outage. Never raises."""
    try:
        record(event)
    except (DependencyUnavailable, ImpressionWaits):
        spool.add(event)
    except Error:  # a retry would fail too
        logger.exception("an event is lost")

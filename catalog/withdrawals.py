"""Products that were withdrawn: taken off the lists, out of stock or deleted; and reviews that are published no longer.

Live answers ask the database. A stale answer may be older than a withdrawal, so each process reads the new withdrawals
every INTERVAL seconds and looks at a stale answer with what it knows.
"""

import math
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from catalog.models import Product, review_key
from catalog.served import ProductRow, ReviewRow
from resilience import breakers, scope, standby
from resilience.database import ERRORS
from service import held_answers

INTERVAL = 0.25
SPREAD = 1.0  # seconds after which all processes that reach the database know of a withdrawal
MAX_READ = 10_000  # withdrawals of one query
MAX_KNOWN = 100_000  # in a process, 17 MB; the oldest are forgotten first

# The oldest transaction that may still be running: what earlier ones wrote is visible, or never will be. SQLite has one
# writer at a time, and counts.
OLDEST = {
    "postgresql": "SELECT txid_snapshot_xmin(txid_current_snapshot()) AS oldest",
    "sqlite": "SELECT coalesce(max(xid), 0) + 1 AS oldest FROM catalog_withdrawal",
}


class _Withdrawn(NamedTuple):
    """When this process learned of a withdrawal, on the monotonic clock, and what the product is since then.

    A review is listed while it is published.
    """

    at: float
    is_listed: bool
    in_stock: bool
    xid: int | None  # of the transaction; None for this process's own change


class Withdrawals:
    """The withdrawals that this process knows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Withdrawn] = OrderedDict()  # by asin or review_key, the latest learned last
        self._forgotten = -math.inf  # when the latest of those that are forgotten was learned
        self._next: int | None = None  # the transaction to read from
        self._has_standby = False

    def current(self, product: ProductRow, age: float) -> ProductRow:
        """``product``, which was read ``age`` seconds ago, as far as this process knows what became of it."""
        known = self._known.get(product.asin)
        if known is None or known.at < time.monotonic() - age:
            return product
        return product._replace(
            is_listed=product.is_listed and known.is_listed, in_stock=product.in_stock and known.in_stock
        )

    def is_published(self, review: ReviewRow, age: float) -> bool:
        """Whether ``review``, which was published ``age`` seconds ago, still is, as far as this process knows."""
        known = self._known.get(review_key(review.id))
        return known is None or known.at < time.monotonic() - age or known.is_listed

    def are_known_since(self, age: float) -> bool:
        """Whether this process knows all withdrawals of the last ``age`` seconds that it could read."""
        return time.monotonic() - age > self._forgotten

    def announce(self, *products: ProductRow | Product) -> None:
        """Note what became of products that this process has just changed. If one is off the lists or deleted, the
        answer to the request is sent when all processes know."""
        now = time.monotonic()
        self._note(now, ((each.asin, _Withdrawn(now, each.is_listed, each.in_stock, None)) for each in products))
        if not all(each.is_listed for each in products):
            held_answers.hold(SPREAD)

    def announce_deleted(self, *asins: str) -> None:
        """As ``announce``, for products that this process has just deleted."""
        self.announce(*(ProductRow(asin, is_listed=False, in_stock=False) for asin in asins))

    def announce_reviews(self, *numbers: int, are_published: bool) -> None:
        """As ``announce``, for reviews that this process has just published, or deleted, rejected or sent back."""
        now = time.monotonic()
        change = _Withdrawn(now, are_published, are_published, None)
        self._note(now, ((review_key(number), change) for number in numbers))
        if numbers and not are_published:
            held_answers.hold(SPREAD)

    def run(self) -> None:
        """Read for ever what is new.

        The breaker neither rejects nor judges these queries: whatever it says, this process must know of withdrawals as
        soon as it reaches the database, and without requests nobody needs to know of a short outage.
        """
        while True:
            used = time.thread_time()
            try:
                with scope.inside(breakers.database_breaker().name):
                    self.read()
            except ERRORS:
                connection.close()  # it may be broken
            # While a transaction runs for long, what is new since its start is read again: with a fifth of a core.
            time.sleep(max(INTERVAL, 4 * (time.thread_time() - used)))

    def read(self) -> None:
        """Read what became of products since the last time: one query, more for more than MAX_READ.

        Once there is a standby, read what became of them since it was made: that may be before this process started.
        """
        started = time.monotonic()
        if not self._has_standby and (made := standby.read(lambda: _read(sys.maxsize, "")[1])):
            self._has_standby, self._next, self._forgotten = True, made.answer, -math.inf
        found, oldest = _read(sys.maxsize if self._next is None else self._next, "")
        if self._next is None or oldest < self._next:  # the first time, or another database has taken its place
            self._next, self._forgotten = oldest, time.monotonic()
            return
        while found:
            now = time.monotonic()
            self._note(started, ((asin, _Withdrawn(now, listed, stock, xid)) for xid, asin, listed, stock in found))
            if len(found) < MAX_READ:
                break
            found, _ = _read(*found[-1][:2])
        self._next = oldest

    def _note(self, started: float, changes: Iterable[tuple[str, _Withdrawn]]) -> None:
        """Note ``changes``, which were read from ``started`` on."""
        with self._lock:
            for asin, change in changes:
                known = self._known.get(asin)
                # What was read before is read again while an older transaction runs.
                is_known = known is not None and known.xid == change.xid
                is_newer = known is not None and known.xid is None and known.at > started
                if not is_known and not is_newer:
                    self._known[asin] = change
                    self._known.move_to_end(asin)
            oldest = time.monotonic() - settings.STALE_MAX_AGE
            while self._known and (len(self._known) > MAX_KNOWN or next(iter(self._known.values())).at < oldest):
                _, forgotten = self._known.popitem(last=False)
                self._forgotten = forgotten.at


def _read(xid: int, asin: str) -> tuple[list[tuple[int, str, bool, bool]], int]:
    """At most MAX_READ rows after these two, in their order, and the oldest transaction that may still be running."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT oldest, xid, asin, is_listed, in_stock FROM ({OLDEST[connection.vendor]}) AS running
            LEFT JOIN (
                SELECT * FROM catalog_withdrawal WHERE (xid, asin) > (%s, %s) ORDER BY xid, asin LIMIT %s
            ) AS withdrawn ON TRUE ORDER BY xid, asin""",  # noqa: S608
            [xid, asin, MAX_READ],
        )
        rows = cursor.fetchall()
    found = [(xid, asin, bool(listed), bool(stock)) for _, xid, asin, listed, stock in rows if asin is not None]
    return found, rows[0][0]


withdrawals = Withdrawals()

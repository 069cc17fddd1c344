"""Products that were withdrawn: taken off the lists, out of stock or deleted.

Live answers ask the database. An answer that was kept for an outage may be older than a withdrawal, so each process
reads the new withdrawals every INTERVAL seconds and looks at a kept answer with what it knows.
"""

import math
import threading
import time
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from catalog.models import Product
from catalog.served import ProductRow
from resilience import breakers, scope
from resilience.database import ERRORS

INTERVAL = 0.5
SPREAD = 2 * INTERVAL  # seconds after which all processes that reach the database know of a withdrawal
# Seconds: the longest that a withdrawal takes to be committed, or an answer to be kept after it was read.
OVERLAP = 60.0
MAX_READ = 10_000  # withdrawals of OVERLAP seconds; with more, all answers kept before count as withdrawn
MAX_KNOWN = 100_000
# The clock of the database, in seconds since 1970.
_NOW = {
    "postgresql": "extract(epoch FROM statement_timestamp())::float8",
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
}


class _Withdrawn(NamedTuple):
    """When a product was withdrawn, on the monotonic clock, and what it was then."""

    at: float
    is_listed: bool
    in_stock: bool


class Withdrawals:
    """The withdrawals that this process knows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Withdrawn] = {}
        self._all_until = -math.inf  # all products count as withdrawn until this time
        self._read_at = time.monotonic()

    def current(self, product: ProductRow, age: float) -> ProductRow:
        """``product``, which was read ``age`` seconds ago, as far as this process knows what became of it."""
        read_at = time.monotonic() - age
        if read_at <= self._all_until:
            return product._replace(is_listed=False, in_stock=False)
        known = self._known.get(product.asin)
        if known is None or known.at + OVERLAP < read_at:
            return product
        return product._replace(
            is_listed=product.is_listed and known.is_listed, in_stock=product.in_stock and known.in_stock
        )

    def announce(self, *products: ProductRow | Product) -> None:
        """Note what this process has just withdrawn. If it took a product off the lists, wait until all know."""
        with self._lock:
            for each in products:
                self._known[each.asin] = _Withdrawn(time.monotonic(), each.is_listed, each.in_stock)
        if not all(each.is_listed for each in products):
            time.sleep(SPREAD)

    def run(self) -> None:
        """Read the new withdrawals for ever, but for outages.

        The breaker does not judge these queries: without requests nobody needs to know of a short outage.
        """
        while True:
            breaker = breakers.database_breaker()
            if breaker.state == "closed":
                try:
                    with scope.inside(breaker.name):
                        self.read()
                except ERRORS:
                    connection.close()  # it may be broken
            time.sleep(INTERVAL)

    def read(self) -> None:
        """Read the withdrawals since the last time. One query."""
        started = time.monotonic()
        now = _NOW[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT asin, is_listed, in_stock, {now} - at FROM catalog_withdrawal
                WHERE at > {now} - CAST(%s AS float) LIMIT %s""",  # noqa: S608
                [started - self._read_at + OVERLAP, MAX_READ + 1],
            )
            found = cursor.fetchall()
        self._read_at = started
        with self._lock:
            if len(found) > MAX_READ or len(self._known) > MAX_KNOWN:
                self._known, self._all_until = {}, started
                return
            oldest = started - settings.STALE_MAX_AGE - OVERLAP
            known = {asin: each for asin, each in self._known.items() if each.at > oldest}
            new = {asin: _Withdrawn(started - ago, bool(listed), bool(stock)) for asin, listed, stock, ago in found}
            self._known = known | new


withdrawals = Withdrawals()

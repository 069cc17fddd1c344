"""What may be asked of the list of products, as SQL."""

import threading
from decimal import Decimal
from typing import Any, NamedTuple

from cachetools import TTLCache
from django.db import connection

from catalog.models import LISTED
from catalog.orders import BY_ID, Key, Order
from catalog.rows import Total
from catalog.search.words import category_query, text_query

RELEVANCE = "relevance"
# Products are counted up to here; beyond, PostgreSQL's planner estimates.
COUNTED = 1_000
# Seconds for which an estimate serves again: to make one takes as long as a page.
ESTIMATED_FOR = 10
# If more products match, their titles are not compared: that would take longer than a reader waits.
COMPARED = 5_000

_RATING, _PRICE, _PRICE_DOWN = "smoothed_rating", "coalesce(price, 1000000000)", "coalesce(price, -1)"
# Each has an index.
ORDERS = {
    "rating": Order((_RATING, "id"), is_descending=True),
    "price": Order((_PRICE, "id")),
    "-price": Order((_PRICE_DOWN, "id"), is_descending=True),
    "newest": Order(("id",), is_descending=True),
    "popular": Order(("review_count", "id"), is_descending=True),
}
SORTS = (RELEVANCE, *ORDERS)


class Search(NamedTuple):
    """What products are asked for. ``words`` is None without a search; a search for stop words only has none.

    The default sort is by relevance if there are words, else by id.
    """

    words: tuple[str, ...] | None = None
    category: str | None = None
    brand: str | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_rating: float | None = None
    in_stock: bool | None = None
    sort: str | None = None

    @property
    def uses_index(self) -> bool:
        """Whether the index of words and categories is asked."""
        return self.words is not None or self.category is not None

    def conditions(self, *, is_small: bool = False) -> tuple[str, list[Any]]:
        """SQL after WHERE, and its parameters. ``is_small`` says that at most COMPARED products match."""
        conditions, parameters = [LISTED], list[Any]()

        def add(condition: str, *values: Any) -> None:
            conditions.append(condition)
            parameters.extend(values)

        if self.uses_index:
            add(*_in_index(self.words, self.category, is_small=is_small))
        if self.brand is not None:
            add("brand = %s", self.brand)
        if self.min_price is not None:
            add("price >= %s", self.min_price)
        if self.max_price is not None:
            add("price <= %s", self.max_price)
        if self.min_rating is not None:
            add("review_count > 0 AND rating_total >= %s * review_count", self.min_rating)
        if self.in_stock is not None:
            add("in_stock = TRUE" if self.in_stock else "in_stock = FALSE")
        return " AND ".join(conditions), parameters

    def order(self, *, compares_titles: bool) -> Order:
        """The order of the answer. By relevance, products with all words in the title come first, then the better
        rated."""
        sort = self.sort or (RELEVANCE if self.words else None)
        if sort is None:
            return BY_ID
        if sort != RELEVANCE:
            return ORDERS[sort]
        if not self.words or not compares_titles:
            return ORDERS["rating"]
        in_title, *parameters = _in_index(self.words, None, in_title=True)
        is_in_title = f"CASE WHEN {in_title} THEN 1 ELSE 0 END"
        return Order((is_in_title, _RATING, "id"), is_descending=True, parameters=(*parameters,))


ALL = Search()
LONGEST_KEY = 3  # that of titles, rating and id


estimates: TTLCache[Search, Total] = TTLCache(maxsize=1_000, ttl=ESTIMATED_FOR)
_lock = threading.Lock()


def total(search: Search) -> Total:
    """The number of products that match. One query; two if it has to be estimated, once in ESTIMATED_FOR seconds."""
    search = search._replace(sort=None)
    with _lock:
        if estimate := estimates.get(search):
            return estimate
    number = _total(search)
    if not number.is_exact:
        with _lock:
            estimates[search] = number
    return number


def _total(search: Search) -> Total:
    where, parameters = search.conditions()
    some = f"SELECT 1 FROM catalog_product WHERE {where}"  # noqa: S608
    with connection.cursor() as cursor:
        # SQLite has no estimate, and few enough products to count.
        limit = COUNTED + 1 if connection.vendor == "postgresql" else -1
        cursor.execute(f"SELECT count(*) FROM ({some} LIMIT {limit}) AS counted", parameters)  # noqa: S608
        (count,) = cursor.fetchone()
        if limit < 0 or count <= COUNTED:
            return Total(count, is_exact=True)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {some}", parameters)
        ((plan,),) = cursor.fetchall()
        return Total(max(count, plan[0]["Plan"]["Plan Rows"]), is_exact=False)


def takes(search: Search, key: Key) -> bool:
    """Whether ``key`` ended a page of this search."""
    return any(len(key) == len(search.order(compares_titles=compares).columns) for compares in (True, False))


def _in_index(
    words: tuple[str, ...] | None, category: str | None, *, in_title: bool = False, is_small: bool = False
) -> tuple[Any, ...]:
    """The condition that the index has the words and the category, and its parameters."""
    if words == ():
        return ("1 = 0",)
    terms = []
    if words:
        terms.append(("to_tsquery('english', %s)", text_query(connection.vendor, words, in_title=in_title)))
    if category is not None:
        terms.append(("to_tsquery('simple', %s)", category_query(connection.vendor, category)))
    queries = [query for _, query in terms]
    if connection.vendor == "sqlite":
        return "id IN (SELECT rowid FROM catalog_search WHERE catalog_search MATCH %s)", " AND ".join(queries)
    matches = " && ".join(function for function, _ in terms)
    found = f"SELECT product_id FROM catalog_search WHERE document @@ ({matches})"  # noqa: S608
    if is_small:
        # Otherwise PostgreSQL may look each product of an order up in the index, until it has found enough.
        found = f"WITH found AS MATERIALIZED ({found}) SELECT product_id FROM found"  # noqa: S608
    return f"id IN ({found})", *queries

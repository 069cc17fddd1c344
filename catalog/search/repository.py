"""The queries of lists of products, as calls protected by the database breaker.

They return a live answer, else a stale one, else a default.
"""

from catalog import defaults
from catalog.models import LISTED, Product
from catalog.orders import Key
from catalog.rows import Page, Rows, Total
from catalog.search.facets import NO_FACETS, Facets, facets
from catalog.search.query import ALL, COMPARED, LONGEST_KEY, Search, total
from catalog.served import ProductRow
from catalog.withdrawals import withdrawals
from resilience.fallback import with_fallback

_products = Rows(Product, ProductRow)


def _listed(page: Page[ProductRow], age: float) -> Page[ProductRow] | None:
    if not withdrawals.are_known_since(age):
        return None
    products = (withdrawals.current(product, age) for product in page.rows)
    return page._replace(rows=[product for product in products if product.is_listed])


@with_fallback(default=defaults.products, revise=_listed)
def get_products(*, skip: int, limit: int, after: Key | None = None, search: Search = ALL) -> Page[ProductRow]:
    """Listed products that match, from the first one after the key ``after``, and their total.

    One query for all of a short list, else two, one more if the total is an estimate, and one if values are long.
    """
    count = total(search) if search.uses_index else None
    is_small = count is not None and count.number <= COMPARED
    # A later page has the order of the first, even if the total has changed since.
    compares_titles = is_small if after is None else len(after) == LONGEST_KEY
    order = search.order(compares_titles=compares_titles)
    where, parameters = search.conditions(is_small=is_small)
    if after is not None:
        condition, more = order.after(after)
        where, parameters = f"{where} AND ({condition})", [*parameters, *more]
    page = _products.page(f"WHERE {where}", *parameters, limit=limit, skip=skip, order=order)
    if count is None:
        is_all = after is None and not skip and page.next_after is None
        count = Total(len(page.rows), is_exact=True) if is_all else total(search)
    return page._replace(total=count)


@with_fallback(default=defaults.no_products, revise=_listed)
def get_products_by_asins(*, asins: tuple[str, ...]) -> Page[ProductRow]:
    """The listed ones of these products, in this order, without a next page. One query, two if values are long."""
    return Page(_products.in_order_of("asin", asins, f"WHERE {LISTED}"), next_after=None)


@with_fallback(default=lambda *, search: NO_FACETS)
def get_facets(*, search: Search) -> Facets:
    """How many of the products that match are of which category, brand, price and rating. Two or three queries."""
    return facets(search)

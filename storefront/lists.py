"""Lists of products that pages have in common."""

from decimal import Decimal
from typing import Any, NamedTuple

from catalog import defaults
from catalog import repository as one_by_one
from catalog.models import Product
from catalog.search import repository as products
from catalog.served import ProductRow
from recommendations import metrics
from recommendations import repository as recommendations
from recommendations.candidates import Recommended
from storefront.cookies import Cart
from storefront.parts import Part, read

SHELF = 6  # products in a row
_PLAIN: dict[str, Any] = {"limit": SHELF, "category": None, "exclude": (), "diverse": True}

# Why a product is recommended, by the source of the recommendation; empty where the heading says it.
REASONS = {
    "co-reviewed": "Reviewed by the same customers",
    "similar-text": "Similar",
    "related": "Goes together",
    "category": "Popular in this category",
    "popular": "",
    "pinned": "Our choice",
}


class Suggestion(NamedTuple):
    product: ProductRow
    reason: str


def alike(asin: str) -> Part[list[Suggestion]]:
    """Products like this one. Raises Product.DoesNotExist."""
    part = read(recommendations.similar, **{**_PLAIN, "diverse": False}, asin=asin)
    return _suggested("similar", part)


def going_with(asins: tuple[str, ...]) -> Part[list[Suggestion]]:
    """Products that go with these, of which the first counts most."""
    part = read(recommendations.for_products, **_PLAIN, asins=asins)
    return _suggested("for-products", part)


def recommended_to(reviewer_id: str) -> Part[list[Suggestion]]:
    part = read(recommendations.for_reviewer, **_PLAIN, reviewer_id=reviewer_id, include_seen=False)
    return _suggested("for-reviewer", part)


def popular(*, limit: int = SHELF) -> Part[list[Suggestion]]:
    return _suggested("popular", read(recommendations.popular, **{**_PLAIN, "limit": limit}))


def _suggested(name: str, part: Part[list[Recommended]]) -> Part[list[Suggestion]]:
    # A stand-in would fill a place and help nobody.
    shown = [each for each in part.value if each.product.asin != defaults.UNKNOWN_ASIN]
    metrics.observe_list(name, shown)
    return part.with_value([Suggestion(each.product, REASONS[each.source]) for each in shown])


def by_asins(asins: tuple[str, ...]) -> Part[list[ProductRow]]:
    """These products in this order, without those that are gone."""
    part = read(products.get_products_by_asins, asins=asins)
    found = part.value.rows
    if part.is_default:  # this very list was not read before, but maybe each product was
        parts = [each for each in (read(_product, asin=asin) for asin in asins) if not each.is_default]
        found = [each.value for each in parts if each.value]
        if found:
            return Part(found, "stale", max(each.age or 0 for each in parts))
    return part.with_value(found)


def _product(*, asin: str) -> ProductRow | None:
    try:
        product = one_by_one.get_product_by_asin(asin=asin)
    except Product.DoesNotExist:
        return None
    return product if product.is_listed else None


class Line(NamedTuple):
    """A line of the cart. ``amount`` is None without a price."""

    product: ProductRow
    quantity: int

    @property
    def amount(self) -> Decimal | None:
        # SQLite's prices are floats.
        return None if self.product.price is None else Decimal(str(self.product.price)) * self.quantity


def lines_of(cart: Cart) -> Part[list[Line]]:
    """The cart's products. One that cannot be read now keeps its place, with its asin for a title; one that is no
    longer sold has none."""
    part = by_asins(tuple(cart))
    found = {product.asin: product for product in part.value}
    if part.source != "live":
        found = {asin: ProductRow(asin, title=asin) for asin in cart} | found
    return part.with_value([Line(found[asin], cart[asin]) for asin in cart if asin in found])

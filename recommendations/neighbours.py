"""The products that a list starts from, and their neighbours in the active build."""

from typing import NamedTuple

import orjson

from catalog.models import Product
from catalog.rows import placeholders, select, select_parts
from recommendations.merchandising import Rules, rules_in_force, rules_of

_ACTIVE = """FROM recommendations_neighbours JOIN recommendations_build ON recommendations_build.id = build_id
    WHERE is_active"""


class StartRow(NamedTuple):
    """A product that a list starts from. ``related`` is JSON text."""

    id: int
    asin: str
    related: str
    leaf_category: str


class Neighbour(NamedTuple):
    """The id of a product that is like another one, its score, the part of the score from reviews, and its trend."""

    product: int
    score: float
    from_reviews: float
    trend: float


def neighbours_of(products: list[int]) -> dict[int, list[Neighbour]]:
    """The stored neighbours of these products. One query."""
    if not products:
        return {}
    found = select(f"SELECT product, others {_ACTIVE} AND product IN ({placeholders(products)})", *products)
    return {product: _parsed(others) for product, others in found}


def start_of(asin: str, category: str | None) -> tuple[StartRow, list[Neighbour], Rules]:
    """The product, its neighbours, and the rules for lists of ``category``, by default of the product's leaf category.

    Raises Product.DoesNotExist. One query.
    """
    start = f"""asin, id, CAST(related AS text) AS related, leaf_category,
        (SELECT others {_ACTIVE} AND product = catalog_product.id) AS others FROM catalog_product WHERE asin = %s"""  # noqa: S608
    leaf = "(SELECT leaf_category FROM catalog_product WHERE asin = %s)"
    in_force, parameters = rules_in_force("%s", category) if category else rules_in_force(leaf, asin)
    found, rules = select_parts([(start, [asin]), (f"action, product_id, NULL, NULL, NULL {in_force}", parameters)])
    if not found:
        raise Product.DoesNotExist
    ((asin, number, related, leaf, others),) = found
    product = StartRow(number, asin, related, leaf)
    return product, _parsed(others) if others else [], rules_of((action, number) for action, number, *_ in rules)


def _parsed(others: str) -> list[Neighbour]:
    lists = orjson.loads(others)
    return list(map(Neighbour, *(lists[name] for name in ("products", "scores", "from_reviews", "trends"))))

"""How many of the products that match a search are of which category, brand, price and rating."""

from typing import NamedTuple

from catalog.rows import Total, select_parts
from catalog.search.query import COMPARED, Search, total

# Of more products than this, only so many are counted, which still takes less than a tenth of a second.
FACETED = 10_000
MOST = 50  # categories, and brands
# The lowest price of each band, in units of the currency.
BANDS = (0, 10, 25, 50, 100, 250)
STARS = (4, 3, 2, 1)


class Facets(NamedTuple):
    """Counts by value, the largest first. ``prices`` are by the lowest price of the band, ``ratings`` by the lowest
    average; of these, each includes those above. If ``is_complete`` is false, they are about a part of the products."""

    categories: list[tuple[str, int]]
    brands: list[tuple[str, int]]
    prices: list[tuple[int, int]]
    ratings: list[tuple[int, int]]
    total: Total | None
    is_complete: bool


NO_FACETS = Facets([], [], [], [], None, is_complete=False)


def facets(search: Search) -> Facets:
    """The facets of a search. Two queries, three if the total has to be estimated."""
    count = total(search)
    where, parameters = search.conditions(is_small=count.number <= COMPARED)
    band = " ".join(f"WHEN price >= {price} THEN {price}" for price in reversed(BANDS))
    parts = [
        _part("leaf_category", "leaf_category <> ''"),
        _part("brand", "brand <> ''"),
        _part(f"CASE {band} END", "price IS NOT NULL"),
        _part("rating_total / review_count", "review_count > 0"),
    ]
    columns = "leaf_category, brand, price, review_count, rating_total"
    found = f"WITH found AS MATERIALIZED (SELECT {columns} FROM catalog_product WHERE {where} LIMIT %s)"  # noqa: S608
    categories, brands, prices, averages = select_parts(
        [(part, ()) for part in parts], common=(found, [*parameters, FACETED])
    )
    return Facets(
        [(name, number) for name, number in categories],
        [(name, number) for name, number in brands],
        sorted((int(price), number) for price, number in prices),
        [(stars, sum(number for average, number in averages if int(average) >= stars)) for stars in STARS],
        count,
        is_complete=count.number <= FACETED,
    )


def _part(value: str, condition: str) -> str:
    return f"""CAST({value} AS text) AS value, count(*) AS number FROM found WHERE {condition}
        GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT {MOST}"""

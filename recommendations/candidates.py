"""Where recommended products come from, and how a list is filled: from one source after the other until it is full.

No query grows with what somebody has reviewed, and none has more than the last of PARTS ids in it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any, Literal, NamedTuple, TypeVar

import orjson
from django.db import connection
from django.db.models import OuterRef, Subquery

from catalog.models import Product, Review
from catalog.rows import Rows
from recommendations.models import Neighbours, Popular

Source = Literal["co-reviewed", "similar-text", "related", "category", "popular"]
SOURCES: tuple[Source, ...] = ("co-reviewed", "similar-text", "related", "category", "popular")
# Candidates of a source that are read and looked up at once: the first part is more than most lists need.
PARTS = (60, 240, 700)
MAX_RELATED = 1000  # pairs of products and related ones that are looked at
# Of the best rated products so many are compared with what a reviewer has seen; if that is most of them, so many more.
COMPARED = (1_000, 40_000)

_products = Rows(Product)


class Recommended(NamedTuple):
    """A product, how well it fits, where that comes from, and the asin that it follows from."""

    product: Product
    score: float
    source: Source
    because: str | None


class Candidate(NamedTuple):
    """The same with the product's id."""

    product: int
    score: float
    source: Source
    because: str | None = None


Filler = Callable[[], Iterable[Candidate]]
Item = TypeVar("Item")


def neighbours_of(products: list[int]) -> dict[int, list[tuple[int, float, float, float]]]:
    """What the active build has stored of these products: of each neighbour its id, the score, the part of it that
    comes from the reviewers, and the trend."""
    found = Neighbours.objects.filter(build__is_active=True, product__in=products).values_list("product", "others")
    columns = ("products", "scores", "from_reviews", "trends")
    parsed = ((product, orjson.loads(others)) for product, others in found)
    return {product: list(zip(*(others[name] for name in columns), strict=True)) for product, others in parsed}


def kind(score: float, from_reviews: float) -> Source:
    """What most of a neighbour's score comes from."""
    return "co-reviewed" if from_reviews * 2 >= score else "similar-text"


def related(products: list[Product]) -> Iterator[Candidate]:
    """What the metadata of these products names."""
    parsed = ((product, orjson.loads(product.related)) for product in products)
    named = ((asin, product.asin) for product, kinds in parsed for kind in kinds.values() for asin in kind)
    pairs = islice(named, MAX_RELATED)
    for part in _in_parts(pairs):
        numbers = dict(Product.objects.filter(asin__in={asin for asin, _ in part}).values_list("asin", "id"))
        for asin, because in part:
            if asin in numbers:
                yield Candidate(numbers[asin], 0.0, "related", because)


def popular_for(product: Product | None, category: str | None, reviewer: str | None = None) -> list[Filler]:
    """What is popular in the product's narrowest category, then in the one that is asked for or at all."""
    near = [popular_of(product.leaf_category, "category")] if product and product.leaf_category else []
    wide = popular_of(category or "", "category" if category else "popular")
    return [*near, wide, best_rated(category, reviewer)]


def popular_of(category: str, source: Source) -> Filler:
    """As the active build has it; of all products where ``category`` is empty."""

    def candidates() -> Iterator[Candidate]:
        found = Popular.objects.filter(build__is_active=True, category=category).order_by("place")
        last = -1
        for size in PARTS:
            part = list(found.filter(place__gt=last)[:size].values_list("product", "score", "place"))
            yield from (Candidate(number, score, source) for number, score, _ in part)
            if len(part) < size:
                return
            last = part[-1][-1]

    return candidates


def best_rated(category: str | None, reviewer: str | None = None) -> Filler:
    """What no build knows of yet, or nothing else is left: those whose narrowest category it is, then any.

    None that the ``reviewer`` has seen. Who has seen all of the best gets the newest.
    """
    source: Source = "category" if category else "popular"

    def candidates() -> Iterator[Candidate]:
        for leaf in [category, None] if category else [None]:
            last: tuple[float, int] | None = None
            for size in PARTS:
                part = _best_rated(leaf, reviewer, last, size)
                yield from (Candidate(number, 0.0, source) for _, number in part)
                if len(part) < size:
                    break
                last = part[-1]
        if reviewer is not None:
            newest = Product.objects.order_by("-id").values_list("id", flat=True)[: sum(PARTS)]
            yield from (Candidate(number, 0.0, source) for number in newest)

    return candidates


def _best_rated(
    leaf: str | None, reviewer: str | None, last: tuple[float, int] | None, size: int
) -> list[tuple[float, int]]:
    """Rating and id of those that come after the ``last``."""
    conditions, parameters = ["TRUE"], list[Any]()
    if leaf:
        conditions.append("leaf_category = %s")
        parameters.append(leaf)
    if last:
        rating, number = last
        conditions.append("smoothed_rating <= %s AND (smoothed_rating < %s OR id > %s)")
        parameters += [rating, rating, number]
    order = "ORDER BY smoothed_rating DESC, id LIMIT %s"
    best = f"SELECT smoothed_rating, id, asin FROM catalog_product WHERE {' AND '.join(conditions)} {order}"  # noqa: S608
    # One look into an index for each product, and no join: PostgreSQL may think that a reviewer of thousands has few.
    unseen = f"""
        SELECT smoothed_rating, id FROM ({best}) best
        WHERE (SELECT id FROM catalog_review seen WHERE seen.reviewer_id = %s AND seen.asin = best.asin) IS NULL
        {order}"""  # noqa: S608
    part: list[Any] = []
    with connection.cursor() as cursor:
        if reviewer is None:
            cursor.execute(best, [*parameters, size])
            return [(rating, number) for rating, number, _ in cursor.fetchall()]
        for compared in COMPARED:
            if len(part) < size:
                cursor.execute(unseen, [*parameters, compared, reviewer, size])
                part = cursor.fetchall()
    return part


def fill(
    *fillers: Filler, limit: int, category: str | None, exclude: Collection[str], reviewer: str | None = None
) -> list[Recommended]:
    """The first ``limit`` candidates, each once, of the category, not in ``exclude`` and not seen by the ``reviewer``.

    They are fewer where a page of products ends earlier.
    """
    known = Product.objects.all()
    if reviewer is not None:
        review = Review.objects.order_by().filter(reviewer_id=reviewer, product_id=OuterRef("asin"))
        known = known.alias(seen=Subquery(review.values("id")[:1])).filter(seen=None)  # no join, as above
    chosen: dict[int, Candidate] = {}
    for filler in fillers:
        if len(chosen) == limit:
            break
        for some in _in_parts(filler()):
            numbers = {each.product for each in some}.difference(chosen)
            rows = known.filter(id__in=numbers).values_list("id", "asin", "categories")
            fits = {
                number
                for number, asin, categories in rows
                if asin not in exclude and (category is None or category in categories)
            }
            for each in some:
                if each.product in fits and each.product not in chosen and len(chosen) < limit:
                    chosen[each.product] = each
            if len(chosen) == limit:
                break
    if not chosen:
        return []
    places = [value for place, number in enumerate(chosen) for value in (number, place)]
    join = f"JOIN (VALUES {', '.join(['(%s, %s)'] * len(chosen))}) AS chosen ON chosen.column1 = id"
    products = _products.page(join, *places, limit=len(chosen), order="chosen.column2").rows
    found = ((product, chosen[product.pk]) for product in products)
    return [Recommended(product, each.score, each.source, each.because) for product, each in found]


def _in_parts(candidates: Iterable[Item]) -> Iterator[list[Item]]:
    """As many as PARTS says, and then as many as its last one again and again."""
    remaining = iter(candidates)
    for size in chain(PARTS, repeat(PARTS[-1])):
        if not (part := list(islice(remaining, size))):
            return
        yield part

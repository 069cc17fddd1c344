"""The sources of recommended products, and ``fill()``, which takes from one source after the other.

No query grows with a reviewer's history, and none has more ids than the last of BATCHES.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any, Literal, NamedTuple, TypeVar, get_args

import orjson

from catalog.models import AVAILABLE, PUBLISHED, Product, is_available
from catalog.rows import Rows, placeholders, select
from catalog.served import ProductRow
from recommendations.diversity import Diversity
from recommendations.merchandising import NO_RULES, Rules
from recommendations.models import Popular
from recommendations.neighbours import StartRow

Source = Literal["pinned", "co-reviewed", "similar-text", "related", "category", "popular"]
SOURCES: tuple[Source, ...] = get_args(Source)
# Candidates of a source that are looked up at once: the first batch is more than most lists need.
BATCHES = (60, 240, 700)
MAX_RELATED = 1000  # pairs of a product and a related one
# Candidates that would repeat a list, after which they are taken all the same: there is hardly anything else.
MAX_SKIPPED = 250
# How many of the best rated products are compared with a reviewer's history; the second if the first are not enough.
COMPARED = (1_000, 40_000)

_products = Rows(Product, ProductRow)
# An index lookup for each product, not a join, which PostgreSQL plans badly for a reviewer of thousands.
_UNSEEN = (
    f"(SELECT id FROM catalog_review seen WHERE seen.{PUBLISHED}"  # noqa: S608
    " AND seen.reviewer_id = %s AND seen.asin = {product}.asin) IS NULL"
)


class Recommended(NamedTuple):
    """A product, its score, its source, and the asin of the product that led to it."""

    product: ProductRow
    score: float
    source: Source
    because: str | None


class Candidate(NamedTuple):
    """The same with the id of the product."""

    product: int
    score: float
    source: Source
    because: str | None = None


Filler = Callable[[], Iterable[Candidate]]
Item = TypeVar("Item")


def main_source(score: float, from_reviews: float) -> Source:
    """The source of most of a neighbour's score."""
    return "co-reviewed" if from_reviews * 2 >= score else "similar-text"


def related(products: list[StartRow]) -> Iterator[Candidate]:
    """The related products in the metadata of these products."""
    parsed = ((product, orjson.loads(product.related)) for product in products)
    named = ((asin, product.asin) for product, kinds in parsed for kind in kinds.values() for asin in kind)
    pairs = islice(named, MAX_RELATED)
    for batch in _in_batches(pairs):
        numbers = dict(Product.objects.filter(asin__in={asin for asin, _ in batch}).values_list("asin", "id"))
        for asin, because in batch:
            if asin in numbers:
                yield Candidate(numbers[asin], 0.0, "related", because)


def popular_for(product: StartRow | None, category: str | None, reviewer: str | None = None) -> list[Filler]:
    """Popular products of the product's leaf category, then of ``category``, or of all if that is None."""
    near = [popular_of(product.leaf_category, "category")] if product and product.leaf_category else []
    wide = popular_of(category or "", "category" if category else "popular")
    return [*near, wide, best_rated(category, reviewer)]


def popular_of(category: str, source: Source) -> Filler:
    """Popular products of the active build; of all categories if ``category`` is empty."""

    def candidates() -> Iterator[Candidate]:
        found = Popular.objects.filter(build__is_active=True, category=category).order_by("place")
        last = -1
        for size in BATCHES:
            batch = list(found.filter(place__gt=last)[:size].values_list("product", "score", "place"))
            yield from (Candidate(number, score, source) for number, score, _ in batch)
            if len(batch) < size:
                return
            last = batch[-1][-1]

    return candidates


def best_rated(category: str | None, reviewer: str | None = None) -> Filler:
    """The best rated products, which need no build: those whose leaf category matches, then all others.

    It leaves out what the ``reviewer`` has seen. A reviewer who has seen all of the best gets the newest.
    """
    source: Source = "category" if category else "popular"

    def candidates() -> Iterator[Candidate]:
        for leaf in [category, None] if category else [None]:
            last: tuple[float, int] | None = None
            for size in BATCHES:
                batch = _best_rated(leaf, reviewer, last, size)
                yield from (Candidate(number, 0.0, source) for _, number in batch)
                if len(batch) < size:
                    break
                last = batch[-1]
        if reviewer is not None:
            newest = Product.objects.filter(is_available).order_by("-id").values_list("id", flat=True)[: sum(BATCHES)]
            yield from (Candidate(number, 0.0, source) for number in newest)

    return candidates


def _best_rated(
    leaf: str | None, reviewer: str | None, last: tuple[float, int] | None, size: int
) -> list[tuple[float, int]]:
    """Rating and id of the next products after ``last``."""
    conditions, parameters = [AVAILABLE], list[Any]()
    if leaf:
        conditions.append("leaf_category = %s")
        parameters.append(leaf)
    if last:
        rating, number = last
        conditions.append("smoothed_rating <= %s AND (smoothed_rating < %s OR id > %s)")
        parameters += [rating, rating, number]
    order = "ORDER BY smoothed_rating DESC, id LIMIT %s"
    best = f"SELECT smoothed_rating, id, asin FROM catalog_product WHERE {' AND '.join(conditions)} {order}"  # noqa: S608
    if reviewer is None:
        return [(rating, number) for rating, number, _ in select(best, *parameters, size)]
    unseen = f"SELECT smoothed_rating, id FROM ({best}) best WHERE {_UNSEEN.format(product='best')} {order}"  # noqa: S608
    batch: list[Any] = []
    for compared in COMPARED:
        if len(batch) < size:
            batch = select(unseen, *parameters, compared, reviewer, size)
    return batch


def fill(
    *fillers: Filler,
    limit: int,
    category: str | None,
    exclude: Collection[str],
    reviewer: str | None = None,
    diversity: Diversity | None = None,
    rules: Rules = NO_RULES,
) -> list[Recommended]:
    """The first ``limit`` distinct candidates that are available, of the category, not in ``exclude`` and not seen by
    the ``reviewer``.

    The products that ``rules`` pin come first. Those that ``diversity`` refuses come last, and after them those
    that the rules bury. There are fewer products if the page reaches its size limit.
    """
    chosen: dict[int, Candidate] = {}
    skipped: dict[int, Candidate] = {}
    last: dict[int, Candidate] = {}

    def pinned() -> Iterator[Candidate]:
        return (Candidate(number, 0.0, "pinned") for number in rules.pinned)

    for some in chain.from_iterable(_in_batches(filler()) for filler in (pinned, *fillers)):
        numbers = {each.product for each in some} - chosen.keys() - skipped.keys() - last.keys()
        fits = {
            number: (leaf, title)
            for number, asin, leaf, title, categories in _known(numbers, reviewer)
            if asin not in exclude and (category is None or category in orjson.loads(categories))
        }
        for each in rules.ordered(some):
            # Removed, because a source may have a product twice.
            product = fits.pop(each.product, None)
            if product and len(chosen) < limit:
                if each.source == "pinned":
                    chosen[each.product] = each
                    if diversity:
                        diversity.add(*product)
                elif each.product in rules.buried:
                    last[each.product] = each
                elif diversity is None or diversity.admit(*product):
                    chosen[each.product] = each
                else:
                    skipped[each.product] = each
        if len(chosen) == limit or len(skipped) > MAX_SKIPPED:
            break
    chosen |= dict(islice(chain(skipped.items(), last.items()), limit - len(chosen)))
    products = _products.in_order_of("id", chosen, limit=limit)
    found = ((product, chosen[product.id]) for product in products)
    return [Recommended(product, each.score, each.source, each.because) for product, each in found]


def _known(numbers: Collection[int], reviewer: str | None) -> list[tuple[Any, ...]]:
    """Id, asin, leaf category, title and categories of those that are available and not seen by the ``reviewer``."""
    if not numbers:
        return []
    seen = "" if reviewer is None else f"AND {_UNSEEN.format(product='catalog_product')}"
    return select(
        f"""SELECT id, asin, leaf_category, title, CAST(categories AS text) FROM catalog_product
        WHERE {AVAILABLE} AND id IN ({placeholders(numbers)}) {seen}""",  # noqa: S608
        *numbers,
        *([] if reviewer is None else [reviewer]),
    )


def _in_batches(candidates: Iterable[Item]) -> Iterator[list[Item]]:
    """Batches of the sizes in BATCHES, the last of which repeats."""
    remaining = iter(candidates)
    for size in chain(BATCHES, repeat(BATCHES[-1])):
        if not (batch := list(islice(remaining, size))):
            return
        yield batch

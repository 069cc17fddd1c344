"""Where recommended products come from, and how a list is filled: from one source after the other until it is full."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

import orjson

from catalog.models import Product
from catalog.rows import Rows
from recommendations.models import MOST_POPULAR, Neighbours, Popular

Source = Literal["co-reviewed", "similar-text", "related", "category", "popular"]
SOURCES: tuple[Source, ...] = ("co-reviewed", "similar-text", "related", "category", "popular")
# Candidates that are looked up at once: more than a list holds, as some are left out.
LOOK_UP = 60
MAX_RELATED = 1000  # pairs of products and related ones that are looked at
BEST_RATED = 1000  # products that are looked at when all other sources are dry

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
    named = ((asin, product.asin) for product in products for kind in product.related.values() for asin in kind)
    pairs = list(islice(named, MAX_RELATED))
    numbers = dict(Product.objects.filter(asin__in={asin for asin, _ in pairs}).values_list("asin", "id"))
    for asin, because in pairs:
        if asin in numbers:
            yield Candidate(numbers[asin], 0.0, "related", because)


def popular_for(product: Product | None, category: str | None, without: Collection[int] = ()) -> list[Filler]:
    """What is popular in the product's narrowest category, then in the one that is asked for or at all."""
    near = [popular_of(product.leaf_category, "category")] if product and product.leaf_category else []
    wide = popular_of(category or "", "category" if category else "popular")
    return [*near, wide, best_rated(category, without)]


def popular_of(category: str, source: Source) -> Filler:
    """As the active build has it; of all products where ``category`` is empty."""

    def candidates() -> Iterator[Candidate]:
        found = Popular.objects.filter(build__is_active=True, category=category).order_by("place")
        for start in range(0, MOST_POPULAR, LOOK_UP):
            page = list(found[start : start + LOOK_UP].values_list("product", "score"))
            yield from (Candidate(number, score, source) for number, score in page)
            if len(page) < LOOK_UP:
                return

    return candidates


def best_rated(category: str | None, without: Collection[int] = ()) -> Filler:
    """What no build knows of yet, or nothing else is left: those whose narrowest category it is, then any."""

    def candidates() -> Iterator[Candidate]:
        products = Product.objects.exclude(id__in=without).order_by("-smoothed_rating", "id")
        for found in ([products.filter(leaf_category=category)] if category else []) + [products]:
            for start in range(0, BEST_RATED, LOOK_UP):
                page = list(found[start : start + LOOK_UP].values_list("id", flat=True))
                yield from (Candidate(number, 0.0, "category" if category else "popular") for number in page)
                if len(page) < LOOK_UP:
                    break

    return candidates


def fill(
    *fillers: Filler, limit: int, category: str | None, exclude: Collection[str], without: Collection[int] = ()
) -> list[Recommended]:
    """The first ``limit`` candidates, each once, of the category and neither in ``exclude`` nor ``without``."""
    chosen: dict[int, Candidate] = {}
    for filler in fillers:
        candidates = iter(filler())
        while len(chosen) < limit and (some := list(islice(candidates, LOOK_UP))):
            numbers = {each.product for each in some}.difference(chosen, without)
            rows = Product.objects.filter(id__in=numbers).values_list("id", "asin", "categories")
            fits = {
                number
                for number, asin, categories in rows
                if asin not in exclude and (category is None or category in categories)
            }
            for each in some:
                if each.product in fits and each.product not in chosen and len(chosen) < limit:
                    chosen[each.product] = each
    if not chosen:
        return []
    marks = ", ".join(["%s"] * len(chosen))
    products = {product.pk: product for product in _products.fetch(f"WHERE id IN ({marks})", *chosen)}
    found = (each for each in chosen.values() if each.product in products)  # one may just have been deleted
    return [Recommended(products[each.product], each.score, each.source, each.because) for each in found]

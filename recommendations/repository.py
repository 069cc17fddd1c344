"""The recommendations as they are served, behind the database breaker. Lists leave here, never a QuerySet.

Each list is filled from one source after the other until it is full: neighbours, the related products of the metadata,
what is popular in the narrowest category, what is popular at all, and the best rated, for a shop without a build.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

import orjson
from django.conf import settings

from catalog import defaults
from catalog.models import Product, Review
from catalog.rows import Rows
from recommendations.models import MOST_POPULAR, Neighbours, Popular
from recommendations.ranking import rank
from recommendations.weights import Weights
from resilience.breakers import DATABASE
from resilience.fallback import read_through

Source = Literal["co-reviewed", "similar-text", "related", "category", "popular"]
SOURCES: tuple[Source, ...] = ("co-reviewed", "similar-text", "related", "category", "popular")
DEFAULT_LIMIT = 10
# Candidates that are looked up at once: more than a list holds, as some are left out.
LOOK_UP = 60

_products = Rows(Product)
# Of the products that a list starts from.
_STARTS = ("id", "asin", "related", "leaf_category")


class Recommended(NamedTuple):
    """A product, how well it fits, where that comes from, and the asin that it follows from."""

    product: Product
    score: float
    source: Source
    because: str | None


class _Candidate(NamedTuple):
    product: int
    score: float
    source: Source
    because: str | None = None


_Filler = Callable[[], Iterable[_Candidate]]


def _popular_instead(*, limit: int, exclude: tuple[str, ...] = (), **question: object) -> list[Recommended]:
    """The last good answer to what is popular, else the default products. Never more than DEFAULT_LIMIT."""
    asked = (question.get("asin"), *exclude, *question.get("asins", ()))  # type: ignore[misc]
    found = popular(limit=DEFAULT_LIMIT, category=None, exclude=())
    category = question.get("category")
    fitting = (each for each in found if category is None or category in _categories(each.product))
    return [each for each in fitting if each.product.asin not in asked][:limit]


def _categories(product: Product) -> list[str]:
    names: list[str] | str = product.categories  # of a list's rows it is the JSON text
    return orjson.loads(names) if isinstance(names, str) else names


def _default_popular(*, limit: int, category: str | None, exclude: tuple[str, ...]) -> list[Recommended]:
    return [Recommended(product, 0.0, "popular", None) for product in defaults.products(skip=0, limit=limit)]


@read_through(DATABASE, default=_default_popular)
def popular(*, limit: int, category: str | None, exclude: tuple[str, ...]) -> list[Recommended]:
    """What has been reviewed most, newer reviews counting more. Two or three queries."""
    return _fill(_popular_of(category or "", "popular"), limit=limit, category=category, exclude=exclude)


@read_through(DATABASE, default=_popular_instead)
def similar(*, asin: str, limit: int, category: str | None, exclude: tuple[str, ...]) -> list[Recommended]:
    """Products like this one. Raises Product.DoesNotExist. Four queries and one for each source that is needed."""
    product = Product.objects.only(*_STARTS).get(asin=asin)

    def neighbours() -> Iterator[_Candidate]:
        for others in _neighbours([product.pk]).values():
            for number, score, from_reviews, _ in _each(others):
                yield _Candidate(number, score, _kind(score, from_reviews), asin)

    return _fill(
        neighbours,
        lambda: _related([product]),
        *_popular_for(product, category),
        limit=limit,
        category=category,
        exclude=(*exclude, asin),
    )


@read_through(DATABASE, default=_popular_instead)
def for_products(
    *, asins: tuple[str, ...], limit: int, category: str | None, exclude: tuple[str, ...]
) -> list[Recommended]:
    """What goes with these products, the newest first; unknown ones are passed over. Five queries or more."""
    found = Product.objects.only(*_STARTS).filter(asin__in=asins)
    known = {product.asin: product for product in found}
    history = [known[asin] for asin in dict.fromkeys(asins) if asin in known]
    return _for_history(history, set(), limit=limit, category=category, exclude=(*exclude, *asins))


@read_through(DATABASE, default=_popular_instead)
def for_reviewer(
    *, reviewer_id: str, limit: int, category: str | None, exclude: tuple[str, ...], include_seen: bool
) -> list[Recommended]:
    """What this reviewer may like, from the last products they reviewed; nothing that they have reviewed, unless with
    ``include_seen``. For an unknown reviewer what is popular. Five queries or more."""
    reviewed = Review.objects.filter(reviewer_id=reviewer_id).order_by("-unix_review_time", "-id")
    seen = list(reviewed.values_list("product__id", flat=True))
    latest = seen[: _weights().history]
    by_id = Product.objects.only(*_STARTS).in_bulk(latest)
    history = [by_id[number] for number in latest if number in by_id]
    without = set() if include_seen else set(seen)
    return _for_history(history, without, limit=limit, category=category, exclude=exclude)


def _for_history(
    history: list[Product], without: set[int], *, limit: int, category: str | None, exclude: tuple[str, ...]
) -> list[Recommended]:
    asins = {product.pk: product.asin for product in history}

    def ranked() -> Iterator[_Candidate]:
        found = {number: list(_each(others)) for number, others in _neighbours([*asins]).items()}
        neighbours = {number: [(other, score) for other, score, *_ in others] for number, others in found.items()}
        trends = {other: trend for others in found.values() for other, _, _, trend in others}
        kinds = {(n, other): _kind(score, part) for n, others in found.items() for other, score, part, _ in others}
        for each in rank([*asins], neighbours, trends, without=without, weights=_weights()):
            yield _Candidate(each.product, each.score, kinds[each.because, each.product], asins[each.because])

    newest = history[0] if history else None
    fillers = (ranked, lambda: _related(history), *_popular_for(newest, category))
    return _fill(*fillers, limit=limit, category=category, exclude=exclude, without=without)


def _weights() -> Weights:
    weights: Weights = settings.RECOMMENDATION_WEIGHTS
    return weights


def _neighbours(products: list[int]) -> dict[int, dict[str, list[float]]]:
    """What the active build has stored of these products."""
    found = Neighbours.objects.filter(build__is_active=True, product__in=products)
    return {product: orjson.loads(others) for product, others in found.values_list("product", "others")}


def _each(others: dict[str, list[float]]) -> Iterator[tuple[int, float, float, float]]:
    """Of each neighbour its number, the score, the part that comes from the reviewers, and the trend."""
    columns = others["products"], others["scores"], others["from_reviews"], others["trends"]
    yield from zip(*columns, strict=True)


def _kind(score: float, from_reviews: float) -> Source:
    return "co-reviewed" if from_reviews * 2 >= score else "similar-text"


def _related(products: list[Product]) -> Iterator[_Candidate]:
    pairs = [(asin, product.asin) for product in products for kind in product.related.values() for asin in kind]
    numbers = dict(Product.objects.filter(asin__in={asin for asin, _ in pairs}).values_list("asin", "id"))
    for asin, because in pairs:
        if asin in numbers:
            yield _Candidate(numbers[asin], 0.0, "related", because)


def _popular_for(product: Product | None, category: str | None) -> list[_Filler]:
    """What is popular near a product, then at all; where a category is asked for, in that one."""
    if category is not None:
        return [_popular_of(category, "category")]
    near = [_popular_of(product.leaf_category, "category")] if product and product.leaf_category else []
    return [*near, _popular_of("", "popular"), _best_rated]


def _popular_of(category: str, source: Source) -> _Filler:
    def candidates() -> Iterator[_Candidate]:
        found = Popular.objects.filter(build__is_active=True, category=category).order_by("place")
        for start in range(0, MOST_POPULAR, LOOK_UP):
            page = list(found[start : start + LOOK_UP].values_list("product", "score"))
            yield from (_Candidate(number, score, source) for number, score in page)
            if len(page) < LOOK_UP:
                return

    return candidates


def _best_rated() -> Iterator[_Candidate]:
    # Enough to be left with a full list, whoever is left out.
    for number in Product.objects.order_by("-smoothed_rating", "id").values_list("id", flat=True)[:1000]:
        yield _Candidate(number, 0.0, "popular")


def _fill(
    *fillers: _Filler, limit: int, category: str | None, exclude: Collection[str], without: Collection[int] = ()
) -> list[Recommended]:
    """The first ``limit`` candidates, each once, of the category and neither in ``exclude`` nor ``without``."""
    chosen: dict[int, _Candidate] = {}
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

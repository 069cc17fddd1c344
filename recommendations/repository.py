"""The recommendations as they are served, behind the database breaker. Lists leave here, never a QuerySet.

Each list is filled from one source after the other: neighbours, the related products of the metadata, what is popular
in the narrowest category, what is popular in the category that is asked for or at all, and the best rated, which are
there without a build.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import orjson
from django.conf import settings

from catalog import defaults
from catalog.models import Product
from catalog.rows import Rows
from recommendations.candidates import (
    Candidate,
    Filler,
    Recommended,
    best_rated,
    fill,
    kind,
    neighbours_of,
    popular_for,
    popular_of,
    related,
)
from recommendations.ranking import rank
from recommendations.weights import Weights
from resilience.breakers import DATABASE
from resilience.fallback import with_fallback

DEFAULT_LIMIT = 10
# What is popular is kept for when there is no answer to a question: so many products, looked up so often.
KEPT, KEEP_SECONDS = 50, 60
# Products that a list starts from; what they name as related is parsed where it is needed.
_starts = Rows(Product, only=("id", "asin", "related", "leaf_category"))
_LATEST = """JOIN (
    SELECT asin AS reviewed, unix_review_time AS at, id AS number FROM catalog_review
    WHERE reviewer_id = %s ORDER BY unix_review_time DESC, id DESC LIMIT %s
) AS latest ON latest.reviewed = asin"""


class KeptPopular:
    """The last that was popular, which every process has from its first live answer on."""

    def __init__(self) -> None:
        self._products: list[Recommended] = []
        self._at = -math.inf

    def products(self) -> list[Recommended]:
        """None that are older than STALE_MAX_AGE."""
        return self._products if time.monotonic() < self._at + settings.STALE_MAX_AGE else []

    def refresh(self) -> None:
        """Look it up where it is old. Two or three queries a minute."""
        if time.monotonic() >= self._at + KEEP_SECONDS:
            fillers = (popular_of("", "popular"), best_rated(None))
            self._products = fill(*fillers, limit=KEPT, category=None, exclude=())
            self._at = time.monotonic()


kept_popular = KeptPopular()


def _popular_instead(*, limit: int, exclude: tuple[str, ...] = (), **question: object) -> list[Recommended]:
    """What was popular, of the category that is asked for, else the default products. What a reviewer has seen is not
    known here."""
    asked = {question.get("asin"), *exclude, *question.get("asins", ())}  # type: ignore[misc]
    category = question.get("category")
    fitting = (each for each in kept_popular.products() if category is None or category in _categories(each.product))
    found = [each for each in fitting if each.product.asin not in asked][:limit]
    stand_ins = (Recommended(product, 0.0, "popular", None) for product in defaults.products(skip=0, limit=limit).rows)
    return found or list(stand_ins)


def _categories(product: Product) -> list[str]:
    names: list[str] | str = product.categories  # of a list's rows it is the JSON text
    return orjson.loads(names) if isinstance(names, str) else names


@with_fallback(DATABASE, default=_popular_instead)
def popular(*, limit: int, category: str | None, exclude: tuple[str, ...]) -> list[Recommended]:
    """What has been reviewed most, newer reviews counting more. Two or three queries, some more once a minute."""
    fillers = (popular_of(category or "", "popular"), best_rated(category))
    return _filled(*fillers, limit=limit, category=category, exclude=exclude)


@with_fallback(DATABASE, default=_popular_instead)
def similar(*, asin: str, limit: int, category: str | None, exclude: tuple[str, ...]) -> list[Recommended]:
    """Products like this one. Raises Product.DoesNotExist. Four queries and one for each source that is needed."""
    found = _starts.fetch("WHERE asin = %s", asin)
    if not found:
        raise Product.DoesNotExist
    (product,) = found

    def neighbours() -> Iterator[Candidate]:
        for others in neighbours_of([product.pk]).values():
            for number, score, from_reviews, _ in others:
                yield Candidate(number, score, kind(score, from_reviews), asin)

    fillers = (neighbours, lambda: related([product]), *popular_for(product, category))
    return _filled(*fillers, limit=limit, category=category, exclude=(*exclude, asin))


@with_fallback(DATABASE, default=_popular_instead)
def for_products(
    *, asins: tuple[str, ...], limit: int, category: str | None, exclude: tuple[str, ...]
) -> list[Recommended]:
    """What goes with these products, the newest first; unknown ones are passed over. Five queries or more."""
    places = [value for place, asin in enumerate(dict.fromkeys(asins)) for value in (asin, place)]
    given = f"JOIN (VALUES {', '.join(['(%s, %s)'] * (len(places) // 2))}) AS given ON given.column1 = asin"
    history = _starts.page(given, *places, limit=_weights().history, order="given.column2").rows
    return _for_history(history, limit=limit, category=category, exclude=(*exclude, *asins))


@with_fallback(DATABASE, default=_popular_instead)
def for_reviewer(
    *, reviewer_id: str, limit: int, category: str | None, exclude: tuple[str, ...], include_seen: bool
) -> list[Recommended]:
    """What this reviewer may like, from the last products they reviewed; nothing that they have reviewed, unless with
    ``include_seen``. For an unknown reviewer what is popular. Four queries or more."""
    count = _weights().history
    history = _starts.page(_LATEST, reviewer_id, count, limit=count, order="latest.at DESC, latest.number DESC").rows
    reviewer = None if include_seen else reviewer_id
    return _for_history(history, limit=limit, category=category, exclude=exclude, reviewer=reviewer)


def _for_history(
    history: list[Product],
    *,
    limit: int,
    category: str | None,
    exclude: tuple[str, ...],
    reviewer: str | None = None,
) -> list[Recommended]:
    asins = {product.pk: product.asin for product in history}

    def ranked() -> Iterator[Candidate]:
        found = neighbours_of([*asins])
        neighbours = {number: [(other, score) for other, score, *_ in others] for number, others in found.items()}
        trends = {other: trend for others in found.values() for other, _, _, trend in others}
        kinds = {(n, other): kind(score, part) for n, others in found.items() for other, score, part, _ in others}
        for each in rank([*asins], neighbours, trends, weights=_weights()):
            yield Candidate(each.product, each.score, kinds[each.because, each.product], asins[each.because])

    newest = history[0] if history else None
    fillers = (ranked, lambda: related(history), *popular_for(newest, category, reviewer))
    return _filled(*fillers, limit=limit, category=category, exclude=exclude, reviewer=reviewer)


def _weights() -> Weights:
    weights: Weights = settings.RECOMMENDATION_WEIGHTS
    return weights


def _filled(*fillers: Filler, **asked: Any) -> list[Recommended]:
    kept_popular.refresh()
    return fill(*fillers, **asked)

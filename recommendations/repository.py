"""The queries that serve recommendations, behind the database breaker. They return lists, never a QuerySet.

Each list is filled from one source after the other: what the staff pinned, neighbours, related products of the
metadata, popular products of the leaf category, popular products of the requested category or of all, and the best
rated, which need no build.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import orjson
from django.conf import settings

from catalog import defaults
from catalog.models import PUBLISHED, Product, leaf_category
from catalog.orders import Order
from catalog.rows import Rows
from catalog.withdrawals import withdrawals
from recommendations import builds, metrics
from recommendations.candidates import (
    Candidate,
    Filler,
    Recommended,
    best_rated,
    fill,
    main_source,
    popular_for,
    popular_of,
    related,
)
from recommendations.diversity import Diversity
from recommendations.merchandising import Rules, rules_for
from recommendations.neighbours import StartRow, neighbours_of, start_of
from recommendations.ranking import rank
from recommendations.weights import Weights
from resilience import standby
from resilience.fallback import with_fallback

DEFAULT_LIMIT = 10
# The popular products that serve as a fallback: their number, and the seconds between two lookups.
CACHED, REFRESH_INTERVAL = 50, 60
# The products that a list starts from. Their related products are parsed only if they are needed.
_starts = Rows(Product, StartRow)
_LATEST = f"""JOIN (
    SELECT asin AS reviewed, unix_review_time AS at, id AS number FROM catalog_review
    WHERE reviewer_id = %s AND {PUBLISHED} ORDER BY unix_review_time DESC, id DESC LIMIT %s
) AS latest ON latest.reviewed = asin"""  # noqa: S608


def _still_available(found: list[Recommended], age: float) -> list[Recommended] | None:
    if not withdrawals.are_known_since(age):
        return None
    return [each for each in found if withdrawals.current(each.product, age).is_available]


class PopularCache:
    """The popular products of the latest lookup. Each process has them from its first live answer on."""

    def __init__(self) -> None:
        self._products: list[Recommended] = []
        self._at = -math.inf

    def products(self) -> list[Recommended]:
        """Return the products, or none if they are older than STALE_MAX_AGE."""
        age = time.monotonic() - self._at
        return (age < settings.STALE_MAX_AGE and _still_available(self._products, age)) or []

    def refresh(self) -> None:
        """Look the products and the active build up if REFRESH_INTERVAL has passed. Four or five queries a minute.

        Those of a standby are not of now.
        """
        started = time.monotonic()
        if started >= self._at + REFRESH_INTERVAL and not standby.is_in_use():
            fillers = (popular_of("", "popular"), best_rated(None))
            self._products = fill(*fillers, limit=CACHED, category=None, exclude=(), rules=rules_for(""))
            build = builds.active()
            metrics.observe_build(build.finished_at if build else None)
            self._at = started


popular_cache = PopularCache()


def _popular_instead(
    *, limit: int, category: str | None, diverse: bool, exclude: tuple[str, ...] = (), **parameters: Any
) -> list[Recommended]:
    """Cached popular products of the requested category, else the default products.

    They may include what the reviewer has seen, which only the database knows.
    """
    left_out = {parameters.get("asin"), *exclude, *parameters.get("asins", ())}
    diversity = Diversity(limit, _weights().most_of_a_leaf, unlimited=category)
    first, repeated = list[Recommended](), list[Recommended]()
    for each in popular_cache.products():
        product, categories = each.product, orjson.loads(each.product.categories)
        if product.asin not in left_out and (category is None or category in categories):
            is_new = not diverse or diversity.admit(leaf_category(categories), product.title)
            (first if is_new else repeated).append(each)
    stand_ins = (Recommended(product, 0.0, "popular", None) for product in defaults.products(skip=0, limit=limit).rows)
    return (first + repeated)[:limit] or list(stand_ins)


@with_fallback(default=_popular_instead, revise=_still_available)
def popular(*, limit: int, category: str | None, exclude: tuple[str, ...], diverse: bool) -> list[Recommended]:
    """The most reviewed products; newer reviews count more. Three or four queries, a few more once a minute."""
    fillers = (popular_of(category or "", "popular"), best_rated(category))
    return _filled(*fillers, limit=limit, category=category, exclude=exclude, diverse=diverse)


@with_fallback(default=_popular_instead, revise=_still_available)
def similar(
    *, asin: str, limit: int, category: str | None, exclude: tuple[str, ...], diverse: bool
) -> list[Recommended]:
    """Products like this one. Raises Product.DoesNotExist. Three queries, and one for each further source.

    They may all be of one leaf category: alternatives are what this list is for.
    """
    product, others, rules = start_of(asin, category)

    def neighbours() -> Iterator[Candidate]:
        for number, score, from_reviews, _ in others:
            yield Candidate(number, score, main_source(score, from_reviews), asin)

    fillers = (neighbours, lambda: related([product]), *popular_for(product, category))
    asked: dict[str, Any] = {"limit": limit, "category": category, "exclude": (*exclude, asin)}
    return _filled(*fillers, **asked, diverse=diverse, rules=rules, most_of_a_leaf=limit)


@with_fallback(default=_popular_instead, revise=_still_available)
def for_products(
    *, asins: tuple[str, ...], limit: int, category: str | None, exclude: tuple[str, ...], diverse: bool
) -> list[Recommended]:
    """Products that go with these, of which the newest is first. Unknown asins are ignored. Six queries or more."""
    history = _starts.in_order_of("asin", asins, limit=_weights().history)
    return _for_history(history, limit=limit, category=category, exclude=(*exclude, *asins), diverse=diverse)


@with_fallback(default=_popular_instead, revise=_still_available)
def for_reviewer(
    *,
    reviewer_id: str,
    limit: int,
    category: str | None,
    exclude: tuple[str, ...],
    diverse: bool,
    include_seen: bool,
) -> list[Recommended]:
    """Products for this reviewer, based on the latest ones they reviewed. Five queries or more.

    ``include_seen`` allows products that they have reviewed. An unknown reviewer gets popular products.
    """
    count = _weights().history
    history = _starts.page(
        _LATEST, reviewer_id, count, limit=count, order=Order(("latest.at", "latest.number"), is_descending=True)
    ).rows
    reviewer = None if include_seen else reviewer_id
    asked: dict[str, Any] = {"limit": limit, "category": category, "exclude": exclude, "diverse": diverse}
    return _for_history(history, **asked, reviewer=reviewer)


def _for_history(
    history: list[StartRow], *, category: str | None, reviewer: str | None = None, **asked: Any
) -> list[Recommended]:
    asins = {product.id: product.asin for product in history}

    def ranked() -> Iterator[Candidate]:
        found = neighbours_of([*asins])
        neighbours = {number: [(other, score) for other, score, *_ in others] for number, others in found.items()}
        trends = {other: trend for others in found.values() for other, _, _, trend in others}
        kinds = {
            (n, other): main_source(score, part) for n, others in found.items() for other, score, part, _ in others
        }
        for each in rank([*asins], neighbours, trends, weights=_weights()):
            yield Candidate(each.product, each.score, kinds[each.because, each.product], asins[each.because])

    newest = history[0] if history else None
    fillers = (ranked, lambda: related(history), *popular_for(newest, category, reviewer))
    rules = rules_for(category or (newest.leaf_category if newest else ""))
    return _filled(*fillers, **asked, category=category, rules=rules, reviewer=reviewer)


def _weights() -> Weights:
    weights: Weights = settings.RECOMMENDATION_WEIGHTS
    return weights


def _filled(
    *fillers: Filler,
    limit: int,
    category: str | None,
    diverse: bool,
    rules: Rules | None = None,
    most_of_a_leaf: int | None = None,
    **asked: Any,
) -> list[Recommended]:
    popular_cache.refresh()
    most = _weights().most_of_a_leaf if most_of_a_leaf is None else most_of_a_leaf
    diversity = Diversity(limit, most, unlimited=category) if diverse else None
    rules = rules_for(category or "") if rules is None else rules
    return fill(*fillers, limit=limit, category=category, diversity=diversity, rules=rules, **asked)

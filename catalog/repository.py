"""The queries of the API of products and of house ads, as calls protected by the database breaker.

Reads return a live answer, else a stale one, else a default. Writes raise DependencyUnavailable. Functions return rows,
never a QuerySet, which would run its query outside of the call.
"""

import math
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypedDict

import orjson
from django.db import IntegrityError, transaction

from catalog import defaults
from catalog.models import AVAILABLE, Product, Review
from catalog.rows import Rows
from catalog.served import ProductRow
from catalog.withdrawals import withdrawals
from resilience.database import InDoubt, atomic
from resilience.errors import ExpectedError
from resilience.fallback import protected_write, with_fallback

# Reviews deleted in one request. It takes a fraction of a second and locks their products meanwhile.
MAX_REVIEWS_DELETED = 10_000
# Candidates fetched per house ad, to have a selection.
CANDIDATES_PER_AD = 4
# With so many fitting candidates there are enough, even if half of them are sponsored or withdrawn meanwhile.
FITTING_PER_AD = 2
# Characters of a description in an ad.
AD_TEXT = 500

_products = Rows(Product, ProductRow)
# Products with no more data than an ad needs.
advertised = Rows(
    Product,
    ProductRow,
    instead={
        "description": f"substr(description, 1, {AD_TEXT})",
        "related": "'{}'",
        "sales_rank": "'{}'",
    },
)


class AlreadyExists(ExpectedError):
    """The product or the review exists already."""


class HasReviews(ExpectedError):
    """The product has reviews, and the caller may not delete them."""


class TooManyReviews(ExpectedError):
    """The product has more reviews than one request may delete."""


class ProductFields(TypedDict, total=False):
    """Fields of a product that a client may set, except its asin."""

    title: str
    description: str
    im_url: str
    related: dict[str, list[str]]
    sales_rank: dict[str, int]
    categories: list[str]
    brand: str
    price: Any
    is_listed: bool
    in_stock: bool


class AdCandidates(NamedTuple):
    """Products for house ads, best rated and most reviewed first, and the ``categories`` of the page's product, from
    the root; none of an unknown product."""

    categories: tuple[str, ...]
    fitting: list[ProductRow]
    others: list[ProductRow]

    def without(self, asins: Collection[str]) -> "AdCandidates":
        """The candidates except these."""
        return self.only(lambda each: each.asin not in asins)

    def only(self, is_wanted: Callable[[ProductRow], bool]) -> "AdCandidates":
        """The candidates that are wanted."""
        return self._replace(
            fitting=[*filter(is_wanted, self.fitting)],
            others=[*filter(is_wanted, self.others)],
        )


def _unread_product(*, asin: str) -> ProductRow:
    return withdrawals.current(defaults.product(asin=asin), math.inf)


def _default_candidates(*, limit: int, **page: object) -> AdCandidates:
    return AdCandidates((), [], defaults.ads(limit=CANDIDATES_PER_AD * limit))


def _available(candidates: AdCandidates, age: float) -> AdCandidates | None:
    if not withdrawals.are_known_since(age):
        return None
    return candidates.only(lambda each: withdrawals.current(each, age).is_available)


@with_fallback(default=_unread_product, revise=withdrawals.current)
def get_product_by_asin(*, asin: str) -> ProductRow:
    """The product. Raises Product.DoesNotExist. One query."""
    return _products.get("WHERE asin = %s", asin)


@with_fallback(default=lambda *, asin: tuple[str, ...]())
def get_categories(*, asin: str) -> tuple[str, ...]:
    """The categories of a product, from the root; none of an unknown product. One query."""
    return tuple(Product.objects.filter(asin=asin).values_list("categories", flat=True).first() or ())


@with_fallback(default=_default_candidates, revise=_available)
def get_ad_candidates(*, asin: str | None, more_categories: tuple[str, ...], limit: int) -> AdCandidates:
    """Available products for ``limit`` ads, best rated first: of the page's leaf categories, and others.

    The leaf categories are that of the page's product ``asin``, which is not among the candidates, and
    ``more_categories``. One query; a second one for the others if few products fit, else there are none.
    """
    names = [*more_categories]
    leaves = ["%s"] * len(names)
    if asin:
        names.insert(0, asin)
        leaves.insert(0, f"(SELECT NULLIF(leaf_category, '') FROM {Product._meta.db_table} WHERE asin = %s)")  # noqa: S608
    # With one leaf category and "=", the database takes the best from an index. With IN it would sort all.
    is_fitting = (
        f"leaf_category = {leaves[0]}" if len(leaves) == 1 else f"leaf_category IN ({', '.join(leaves) or 'NULL'})"
    )
    best = f"AND {AVAILABLE} AND asin <> %s ORDER BY smoothed_rating DESC, id LIMIT {CANDIDATES_PER_AD * limit:d}"
    own, fitting, others = list[ProductRow](), list[ProductRow](), list[ProductRow]()
    if leaves:
        own, fitting = advertised.fetch_parts(
            ("WHERE asin = %s", [asin or ""]), (f"WHERE {is_fitting} {best}", [*names, asin or ""])
        )
    if len(fitting) < FITTING_PER_AD * limit:
        others = advertised.fetch(f"WHERE ({is_fitting}) IS NOT TRUE {best}", *names, asin or "")
    categories = tuple(orjson.loads(own[0].categories)) if own else ()
    return AdCandidates(categories, fitting, others)


def _confirm_created_product(*, asin: str, fields: ProductFields) -> ProductRow:
    """Create the product again. If it exists with these fields, the lost attempt created it."""
    try:
        return create_product(asin=asin, fields=fields)
    except AlreadyExists:
        if own := Product.objects.filter(asin=asin, **fields).first():
            return _products.of(own)
        raise


@protected_write(confirm=_confirm_created_product)
def create_product(*, asin: str, fields: ProductFields) -> ProductRow:
    """Raises AlreadyExists for an asin that is taken."""
    try:
        with atomic():
            return _products.of(Product.objects.create(asin=asin, **fields))
    except IntegrityError as error:
        raise AlreadyExists(f"There is a product {asin} already.") from error


def _confirm_updated_product(*, asin: str, fields: ProductFields) -> ProductRow:
    """Return the product if it has these values. To write them again could undo a later change by somebody else."""
    with atomic():
        product = Product.objects.select_for_update().get(asin=asin)
        transaction.set_rollback(True)  # a commit could be in doubt again
    if all(getattr(product, name) == value for name, value in fields.items()):
        return _products.of(product)
    raise InDoubt("the product has other values")


@protected_write(confirm=_confirm_updated_product)
def update_product(*, asin: str, fields: ProductFields) -> ProductRow:
    """Change the given fields only. Raises Product.DoesNotExist."""
    with atomic():
        product = Product.objects.select_for_update().get(asin=asin)
        for name, value in fields.items():
            setattr(product, name, value)
        # A full save would overwrite the counters, which triggers maintain.
        product.save(update_fields=[*fields, "leaf_category"])
        return _products.of(product)


def _confirm_deleted_product(*, asin: str, with_reviews: bool) -> None:
    """Raise InDoubt if there is a product: somebody else may have created a new one."""
    with atomic():
        found = Product.objects.select_for_update().only("asin").filter(asin=asin).first()
        transaction.set_rollback(True)  # a commit could be in doubt again
    if found:
        raise InDoubt("there is a product")


@protected_write(confirm=_confirm_deleted_product)
def delete_product(*, asin: str, with_reviews: bool) -> None:
    """Delete the product, and ``with_reviews`` its reviews.

    Raises Product.DoesNotExist, HasReviews or TooManyReviews, and then deletes nothing.
    """
    with atomic():
        # The lock makes a concurrent deletion find nothing, and keeps new reviews out.
        product = Product.objects.select_for_update().only("asin").get(asin=asin)
        if not with_reviews and product.reviews.exists():
            raise HasReviews
        if have_too_many_reviews([asin]):
            raise TooManyReviews(
                f"There are more than {MAX_REVIEWS_DELETED} reviews of {asin}, too many to delete at once."
                f" Delete it with the command: manage_recommender.py delete_product {asin}"
            )
        product.delete()


def have_too_many_reviews(asins: Collection[str]) -> bool:
    """Whether these products together have more than MAX_REVIEWS_DELETED reviews. One query, which stops there."""
    reviews = Review.objects.order_by().filter(product_id__in=asins).values_list("pk")
    return bool(reviews[MAX_REVIEWS_DELETED : MAX_REVIEWS_DELETED + 1])

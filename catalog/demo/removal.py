"""Removes the demo shop. It generates the shop again and deletes the rows that are still equal to it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model

from catalog.models import Product, Review

STEP = 5_000  # reviews per statement
# Fields that change without an edit of the row.
_KEPT_BY_TRIGGERS = {"id", "review_count", "rating_total", "smoothed_rating"}
_VOTES = {"id", "helpful_votes", "total_votes"}


@dataclass
class Removed:
    """How many rows were deleted, and how many products stay.

    They stay because they were ``changed`` or ``reviewed``, or because they are ``used`` by a rule of the staff.
    """

    products: int = 0
    reviews: int = 0
    changed: int = 0
    reviewed: int = 0
    used: int = 0


def remove(products: Iterable[Product], reviews: Iterable[Review], *, dry_run: bool) -> Removed:
    """Delete these reviews, and these products unless somebody has changed or reviewed them.

    ``products`` have picture URLs without a host, which differs between shops. Each product is one transaction, so an
    interrupted run can be repeated.
    """
    of_product: dict[str, dict[str, Review]] = defaultdict(dict)
    for review in reviews:
        of_product[review.product_id][review.reviewer_id] = review
    done = Removed()
    for product in products:
        with transaction.atomic():
            _remove(product, of_product[product.asin], done)
            transaction.set_rollback(dry_run)
    return done


def _remove(made: Product, reviews: dict[str, Review], done: Removed) -> None:
    stored = Product.objects.select_for_update().filter(asin=made.asin).first()  # the lock keeps reviews out
    if stored is None:
        return
    written = Review.objects.filter(product_id=made.asin)
    for some in _in_steps(list(reviews)):
        found = written.filter(reviewer_id__in=some)
        same = [each.pk for each in found if _same(each, reviews[each.reviewer_id], _VOTES)]
        done.reviews += written.filter(pk__in=same).delete()[0]
    if not _is_made_up(stored, made):
        done.changed += 1
    elif written.exists():
        done.reviewed += 1
    elif _is_used(stored):
        done.used += 1
    else:
        stored.delete()
        done.products += 1


def _is_used(product: Product) -> bool:
    """Whether the product has rows in an app above this one. Deleting the product would delete them."""
    others = (each for each in Product._meta.related_objects if each.related_model is not Review)
    return any(each.related_model._base_manager.filter(**{each.field.name: product}).exists() for each in others)


def _in_steps(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), STEP):
        yield ids[start : start + STEP]


def _is_made_up(stored: Product, made: Product) -> bool:
    picture = stored.im_url.startswith(("http://", "https://")) and stored.im_url.endswith(made.im_url)
    return picture and _same(stored, made, _KEPT_BY_TRIGGERS | {"im_url"})


def _same(stored: Model, made: Model, besides: set[str]) -> bool:
    fields: list[Any] = [field for field in stored._meta.concrete_fields if field.attname not in besides]
    return all(getattr(stored, each.attname) == each.to_python(getattr(made, each.attname)) for each in fields)

"""The queries of the API of reviews, as calls protected by the database breaker, like those of ``catalog.repository``.

Readers get published reviews only. A write locks the product of its review first, as a deletion of the product does.
"""

from typing import Any, NamedTuple, TypedDict

from django.db import IntegrityError, transaction

from catalog import defaults, rules
from catalog.models import PUBLISHED, HelpfulVote, Product, Review, ReviewState
from catalog.orders import BY_ID, REVIEW_ORDERS, Key
from catalog.repository import AlreadyExists
from catalog.rows import Page, Rows, select
from catalog.served import ReviewRow
from catalog.withdrawals import withdrawals
from resilience.database import InDoubt, atomic
from resilience.errors import ExpectedError
from resilience.fallback import protected_write, with_fallback

POSITIVE = 4  # stars

_reviews = Rows(Review, ReviewRow)


class OwnReview(ExpectedError):
    """Reviewers cannot vote for their own review."""


class ReviewFields(TypedDict, total=False):
    """Fields of a review that a client may set, except its reviewer and its product."""

    reviewer_name: str
    helpful_votes: int
    total_votes: int
    review_text: str
    overall: int
    summary: str
    unix_review_time: int
    verified: bool
    state: str


def _still_published(page: Page[ReviewRow], age: float) -> Page[ReviewRow] | None:
    if not withdrawals.are_known_since(age):
        return None
    return page._replace(rows=[each for each in page.rows if withdrawals.is_published(each, age)])


def _if_still_published(review: ReviewRow, age: float) -> ReviewRow | None:
    is_certain = withdrawals.are_known_since(age)
    return review if is_certain and withdrawals.is_published(review, age) else None


class ReviewSummary(NamedTuple):
    """The number of reviews with one to five stars, nothing if unknown, and the most helpful review of those with at
    least POSITIVE stars and of the others."""

    histogram: tuple[int, ...]
    positive: ReviewRow | None
    critical: ReviewRow | None


def _of_published(summary: ReviewSummary, age: float) -> ReviewSummary | None:
    if not withdrawals.are_known_since(age):
        return None
    shown = (each if each and withdrawals.is_published(each, age) else None for each in summary[1:])
    return ReviewSummary(summary.histogram, *shown)


@with_fallback(default=defaults.review, revise=_if_still_published)
def get_review(*, number: int) -> ReviewRow:
    """The published review. Raises Review.DoesNotExist. One query."""
    return _reviews.get(f"WHERE id = %s AND {PUBLISHED}", number)


@with_fallback(default=defaults.review, keep_stale=False)
def get_own_review(*, number: int, reviewer_id: str) -> ReviewRow:
    """The reviewer's own review in any state. Raises Review.DoesNotExist. One query."""
    return _reviews.get("WHERE id = %s AND reviewer_id = %s", number, reviewer_id)


def _nothing(*, asin: str, reviewer_id: str) -> ReviewRow | None:
    return None


@with_fallback(default=_nothing, keep_stale=False)
def find_own_review(*, asin: str, reviewer_id: str) -> ReviewRow | None:
    """The reviewer's own review of the product in any state. One query."""
    return next(iter(_reviews.fetch("WHERE asin = %s AND reviewer_id = %s", asin, reviewer_id)), None)


@with_fallback(default=defaults.reviews, revise=_still_published)
def get_reviews_by_asin(*, asin: str, **part: Any) -> Page[ReviewRow]:
    """Reviews of one product; the rest is as in ``get_reviews``. Raises Product.DoesNotExist.

    One query, two if there are no reviews.
    """
    found = _page({"asin = %s": asin}, **part)
    if not found.rows:
        Product.objects.only("id").get(asin=asin)
    return found


@with_fallback(default=defaults.reviews, revise=_still_published)
def get_reviews(*, asin: str | None = None, reviewer_id: str | None = None, **part: Any) -> Page[ReviewRow]:
    """Reviews, optionally of one product or by one reviewer. One query, two if values are long.

    ``part`` is ``skip``, ``limit`` and, all optional: ``sort``, one of REVIEW_ORDERS, by default by id;
    ``after``, the key of a row in that order; ``min_rating`` and ``verified``.
    """
    return _page({"asin = %s": asin, "reviewer_id = %s": reviewer_id}, **part)


def _page(
    given: dict[str, Any],
    *,
    skip: int,
    limit: int,
    sort: str | None = None,
    after: Key | None = None,
    min_rating: int | None = None,
    verified: bool | None = None,
) -> Page[ReviewRow]:
    given |= {"overall >= %s": min_rating, "verified = %s": verified}
    asked = {condition: [value] for condition, value in given.items() if value is not None}
    order = REVIEW_ORDERS[sort] if sort else BY_ID
    if after is not None:
        condition, key = order.after(after)
        asked[condition] = key
    where = " AND ".join([PUBLISHED, *asked])
    parameters = [each for values in asked.values() for each in values]
    return _reviews.page(f"WHERE {where}", *parameters, limit=limit, skip=skip, order=order)


@with_fallback(default=lambda *, asin: ReviewSummary((), None, None), revise=_of_published)
def get_review_summary(*, asin: str) -> ReviewSummary:
    """How a product is rated. Raises Product.DoesNotExist. Two queries."""
    histogram = _histogram(asin)
    given = [stars for stars, count in enumerate(histogram, 1) if count]
    if not given:
        Product.objects.only("id").get(asin=asin)
        return ReviewSummary(histogram, None, None)
    # One for each number of stars: so each is the first of an index.
    best = f"WHERE asin = %s AND {PUBLISHED} AND overall = %s ORDER BY helpful_votes DESC, id LIMIT 1"
    found = [row for part in _reviews.fetch_parts(*((best, [asin, stars]) for stars in given)) for row in part]
    found.sort(key=lambda review: (-review.helpful_votes, review.id))
    return ReviewSummary(
        histogram,
        next((review for review in found if (review.overall or 0) >= POSITIVE), None),
        next((review for review in found if (review.overall or 0) < POSITIVE), None),
    )


@with_fallback(default=lambda *, asin: tuple[int, ...]())
def get_histogram(*, asin: str) -> tuple[int, ...]:
    """The number of a product's reviews with one to five stars; nothing if unknown. One query."""
    return _histogram(asin)


def _histogram(asin: str) -> tuple[int, ...]:
    rows = select(
        f"SELECT overall, count(*) FROM catalog_review WHERE asin = %s AND {PUBLISHED} GROUP BY overall",  # noqa: S608
        asin,
    )
    counts: dict[int, int] = dict(rows)
    return tuple(counts.get(stars, 0) for stars in range(1, 6))


@protected_write()
def get_stored_review(*, number: int) -> ReviewRow:
    """The review that is to be changed, in any state. Raises Review.DoesNotExist. One query, without a fallback."""
    return _reviews.get("WHERE id = %s", number)


def _confirm_created_review(*, reviewer_id: str, asin: str, fields: ReviewFields) -> ReviewRow:
    """Create the review again. If it exists with these fields, the lost attempt created it."""
    try:
        return create_review(reviewer_id=reviewer_id, asin=asin, fields=fields)
    except AlreadyExists:
        # Its state is the shop's, which may have decided meanwhile.
        written = {name: value for name, value in fields.items() if name != "state"}
        if own := Review.objects.filter(reviewer_id=reviewer_id, product_id=asin, **written).first():
            return _reviews.of(own)
        raise


@protected_write(confirm=_confirm_created_review)
def create_review(*, reviewer_id: str, asin: str, fields: ReviewFields) -> ReviewRow:
    """Raises Product.DoesNotExist, or AlreadyExists if the reviewer has reviewed the product."""
    try:
        with atomic():
            # The lock keeps the product from being deleted before the review is stored.
            product = Product.objects.select_for_update(no_key=True).only("asin").get(asin=asin)
            return _reviews.of(Review.objects.create(reviewer_id=reviewer_id, product=product, **fields))
    except IntegrityError as error:
        raise AlreadyExists(f"{reviewer_id} has reviewed {asin} already.") from error


def _confirm_updated_review(*, number: int, fields: ReviewFields) -> ReviewRow:
    """Return the review if it has these values. To write them again could undo a later change by somebody else."""
    with atomic():
        review = _locked(number)
        transaction.set_rollback(True)  # a commit could be in doubt again
    if all(getattr(review, name) == value for name, value in fields.items()):
        return _reviews.of(review)
    raise InDoubt("the review has other values")


@protected_write(confirm=_confirm_updated_review)
def update_review(*, number: int, fields: ReviewFields) -> ReviewRow:
    """Change the given fields only. Raises Review.DoesNotExist."""
    with atomic():
        review = _locked(number)
        for name, value in fields.items():
            setattr(review, name, value)
        review.save(update_fields=[*fields])
        return _reviews.of(review)


def _confirm_deleted_review(*, number: int) -> None:
    """Delete the review if it is still there: no other one gets its id."""
    if Review.objects.filter(pk=number).exists():
        delete_review(number=number)


@protected_write(confirm=_confirm_deleted_review)
def delete_review(*, number: int) -> None:
    """Raises Review.DoesNotExist."""
    with atomic():
        _locked(number).delete()


def _confirm_helpful_vote(*, number: int, voter: str) -> ReviewRow:
    """Vote again. If the vote is there, the lost attempt counted it."""
    try:
        return vote_helpful(number=number, voter=voter)
    except AlreadyExists:
        return get_stored_review(number=number)


@protected_write(confirm=_confirm_helpful_vote)
def vote_helpful(*, number: int, voter: str) -> ReviewRow:
    """Count the user as one who found the review helpful.

    Raises Review.DoesNotExist if no such review is published, OwnReview, or AlreadyExists for a second vote.
    """
    try:
        with atomic():
            review = Review.objects.select_for_update(no_key=True).get(pk=number)
            if review.reviewer_id == voter:
                raise OwnReview
            if review.state != ReviewState.PUBLISHED:
                raise Review.DoesNotExist
            HelpfulVote.objects.create(review=review, voter=voter)
            if review.total_votes < rules.MAX_VOTES:
                review.helpful_votes += 1
                review.total_votes += 1
                review.save(update_fields=["helpful_votes", "total_votes"])
            return _reviews.of(review)
    except IntegrityError as error:
        raise AlreadyExists(f"{voter} has voted for this review already.") from error


def _locked(number: int) -> Review:
    """The review for a change, after its product is locked: the triggers write to it. Raises Review.DoesNotExist."""
    asins = Review.objects.filter(pk=number).values("product_id")
    list(Product.objects.select_for_update(no_key=True).filter(asin__in=asins).values_list("pk"))
    return Review.objects.select_for_update().get(pk=number)

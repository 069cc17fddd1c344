"""What a user may do with reviews, on the API and on the pages of the shop."""

import logging
import time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as SignedIn
from django.core.exceptions import PermissionDenied

from catalog import review_repository
from catalog.models import Review, ReviewState
from catalog.served import ReviewRow
from catalog.withdrawals import withdrawals

logger = logging.getLogger(__name__)
User = SignedIn | AnonymousUser


def post(user: User, *, reviewer_id: str, asin: str, fields: dict[str, Any]) -> ReviewRow:
    """Create a review, by default with the current time. Raises Product.DoesNotExist or AlreadyExists."""
    fields = {"unix_review_time": int(time.time()), **fields, **_state_for(user)}
    review = review_repository.create_review(reviewer_id=reviewer_id, asin=asin, fields=fields)  # type: ignore[arg-type]
    logger.info("review posted", extra={"user": user.get_username(), "reviewer_id": reviewer_id, "asin": asin})
    return review


def get_for_change(user: User, number: int, permission: str) -> ReviewRow:
    """The review, which the user may change. Raises Review.DoesNotExist or PermissionDenied."""
    review = review_repository.get_stored_review(number=number)
    if review.reviewer_id != user.get_username() and not user.has_perm(permission):
        if not review.is_published:
            raise Review.DoesNotExist
        raise PermissionDenied(f"It is not your review: you need the permission {permission}.")
    return review


def change(user: User, review: ReviewRow, fields: dict[str, Any]) -> ReviewRow:
    """Change fields of a review from ``get_for_change``. Raises Review.DoesNotExist."""
    fields = fields and fields | _state_for(user)
    changed = review_repository.update_review(number=review.id, fields=fields)  # type: ignore[arg-type]
    if review.is_published and not changed.is_published:
        withdrawals.announce_reviews(review.id, are_published=False)
    return changed


def delete(review: ReviewRow) -> None:
    """Delete a review from ``get_for_change``. Raises Review.DoesNotExist.

    It returns a second later: from then on no process shows the review, not even in an outage.
    """
    review_repository.delete_review(number=review.id)
    withdrawals.announce_reviews(review.id, are_published=False)


def _state_for(user: User) -> dict[str, str]:
    """The state of what the user writes, if it is read before it is published."""
    has_to_wait = settings.REVIEWS_WAIT and not user.has_perm("catalog.change_review")
    return {"state": ReviewState.PENDING.value} if has_to_wait else {}

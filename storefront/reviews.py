"""What customers write: reviews, and votes for them."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from catalog import review_repository, reviewing
from catalog.models import Product, Review
from catalog.repository import AlreadyExists
from catalog.review_repository import OwnReview
from catalog.rules import MAX_REVIEWER
from catalog.served import ReviewRow
from resilience.errors import DependencyUnavailable
from service import errors
from storefront.forms import ReviewForm
from storefront.pages import missing
from storefront.product import product_page
from storefront.visitor import visitor_of

SIGN_IN = "Sign in first. You can do so in another tab: your text stays here."
OLD_FORM = "You have signed in or out since this page was loaded. Your text is still here: post it again."
GONE = "Your review has been deleted meanwhile. Your text is still here: post it as a new review."
STATES = {
    "published": "Thank you.",
    "pending": "Thank you. We read reviews first.",
    "rejected": "Your review is changed. It is not published.",
}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. Signing in changes the token, and that must not cost the text of a review."""
    match = request.resolver_match
    if match is None or match.func is not write:
        return errors.csrf_failure(request, reason)
    form = ReviewForm(request.POST)
    form.add_error(None, OLD_FORM)
    return product_page(request, match.kwargs["asin"], unsent=form, number=_number(request), status=403)


@require_POST
def write(request: HttpRequest, asin: str) -> HttpResponse:
    """Post a review, or change the one whose ``number`` the form has. If that fails the answer has the text."""
    form = ReviewForm(request.POST)
    number = _number(request)
    headers: dict[str, str] = {}
    status = 400
    try:
        if not request.user.is_authenticated:
            status = 403
            form.add_error(None, SIGN_IN)
        elif len(request.user.get_username()) > MAX_REVIEWER:
            form.add_error(None, f"Your user name has more than {MAX_REVIEWER} characters, too many for a reviewer.")
        elif form.is_valid():
            review = _store(request, asin, number, form.cleaned_data)
            messages.success(request, STATES[review.state])
            return _back(asin)
    except DependencyUnavailable as error:
        status, headers = 503, errors.headers_of(error)
        form.add_error(None, errors.detail_of(error))
    except (AlreadyExists, PermissionDenied) as error:
        status = 409
        form.add_error(None, str(error))
    except Review.DoesNotExist:
        status, number = 404, 0
        form.add_error(None, GONE)
    except Product.DoesNotExist:
        return missing(request, visitor_of(request))
    response = product_page(request, asin, unsent=form, number=number, status=status)
    for name, value in headers.items():
        response[name] = value
    return response


def _store(request: HttpRequest, asin: str, number: int, fields: dict[str, object]) -> ReviewRow:
    if number:
        review = reviewing.get_for_change(request.user, number, "catalog.change_review")
        changed = {name: value for name, value in fields.items() if getattr(review, name) != value}
        return reviewing.change(request.user, review, changed)
    return reviewing.post(request.user, reviewer_id=request.user.get_username(), asin=asin, fields=fields)


def _number(request: HttpRequest) -> int:
    """The review that the form is about; 0 for a new one."""
    text = request.POST.get("number", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


@require_POST
def delete(request: HttpRequest, asin: str) -> HttpResponse:
    def delete_it() -> None:
        reviewing.delete(reviewing.get_for_change(request.user, _number(request), "catalog.delete_review"))

    return _done(request, asin, delete_it, "Your review is deleted.")


@require_POST
def vote(request: HttpRequest, asin: str) -> HttpResponse:
    def count_it() -> None:
        review_repository.vote_helpful(number=_number(request), voter=request.user.get_username())

    return _done(request, asin, count_it, "Your vote is counted.")


def _done(request: HttpRequest, asin: str, change: Callable[[], None], text: str) -> HttpResponse:
    """Make the change, and go back to the product with a message."""
    try:
        if not request.user.is_authenticated:
            return redirect(f"{reverse('rest_framework:login')}?next={reverse('storefront:product', args=[asin])}")
        change()
    except DependencyUnavailable as error:
        messages.error(request, errors.detail_of(error))
    except OwnReview:
        messages.error(request, "You cannot vote for your own review.")
    except AlreadyExists:
        messages.error(request, "You have voted for this review already.")
    except PermissionDenied as error:
        messages.error(request, str(error))
    except Review.DoesNotExist:
        messages.error(request, "The review has been deleted meanwhile.")
    else:
        messages.success(request, text)
    return _back(asin)


def _back(asin: str) -> HttpResponse:
    return redirect(f"{reverse('storefront:product', args=[asin])}#reviews")

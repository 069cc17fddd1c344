"""The page of a product."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog import repository, review_repository
from catalog.models import Product
from catalog.orders import as_text
from catalog.review_serializers import ReviewPageParameters
from catalog.rules import is_asin
from catalog.served import ReviewRow
from storefront import lists
from storefront.ads import begin_ads
from storefront.cookies import keep_seen, keep_viewer, viewer_of
from storefront.forms import ReviewForm
from storefront.pages import missing, page, validated_by
from storefront.parts import read
from storefront.structured_data import product_data
from storefront.visitor import visitor_of

REVIEWS = 5  # on a page
SORTS = {"helpful": "Most helpful", "newest": "Newest", "-rating": "Best rating", "rating": "Worst rating"}


@require_safe
def product(request: HttpRequest, asin: str) -> HttpResponse:
    return product_page(request, asin)


def product_page(
    request: HttpRequest, asin: str, *, unsent: ReviewForm | None = None, number: int = 0, status: int = 200
) -> HttpResponse:
    """The page, with the form of a review that was ``unsent``, so that its text is not lost. ``number`` is that of the
    review that the form changes.

    Six queries, and three for who is signed in.
    """
    visitor, viewer = visitor_of(request), viewer_of(request)
    if not is_asin(asin):
        return missing(request, visitor)
    try:
        shown = read(repository.get_product_by_asin, asin=asin)
        if not shown.value.is_listed:
            return missing(request, visitor)
        ads = begin_ads("product", asin=asin, viewer=viewer)
        alike = lists.alike(asin)
    except Product.DoesNotExist:
        return missing(request, visitor)
    reviews, errors = _reviews(request, asin)
    own: ReviewRow | None = None
    if visitor.name:
        own = review_repository.find_own_review(asin=asin, reviewer_id=visitor.name)
    histogram = read(review_repository.get_histogram, asin=asin)
    path = reverse("storefront:product", args=[asin])  # after a POST the request has another one
    context = {
        "path": path,
        "here": f"{path}?{request.GET.urlencode()}" if request.GET else path,
        "product": shown,
        "categories": orjson.loads(shown.value.categories),
        "histogram": histogram,
        "stars_given": [*enumerate(histogram.value, 1)][::-1],
        **reviews,
        "alike": alike,
        "own": own,
        "number": own.id if own else number,
        "form": unsent or ReviewForm(initial=own._asdict() if own else None),
        "errors": errors,
        "data": "" if shown.is_default else product_data(shown.value, request.build_absolute_uri(path)),
        "ads": ads(),
    }
    response = page(request, "product", context, visitor, status=400 if errors else status)
    keep_viewer(request, response, viewer)
    if not shown.is_default:
        keep_seen(request, response, asin)
    return response


def _reviews(request: HttpRequest, asin: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The wanted page of reviews, and what is wrong with the parameters. Then it is the first page."""
    given = {name: value for name in ("sort", "after") if (value := request.GET.get(name))}
    default = {"sort": "helpful", "limit": REVIEWS}
    asked, errors = validated_by(ReviewPageParameters, default | given)
    if errors:
        asked, _ = validated_by(ReviewPageParameters, default)
    reviews = read(review_repository.get_reviews, asin=asin, **asked)
    next_after = reviews.value.next_after and as_text(reviews.value.next_after)
    return {"reviews": reviews, "next_after": next_after, "sorts": SORTS, "sort": asked["sort"]}, errors

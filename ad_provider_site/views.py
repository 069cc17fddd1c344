"""The ad provider's own views: ads and the front page."""

import os
import random
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from ad_provider_site.house_ads import draw_house_ads
from campaigns.repository import Page, get_sponsored
from campaigns.serializers import ADS_OR_EXPLAINED, AdContextSerializer, explained, house_ad, sponsored_ads, that_fit
from catalog.repository import get_ad_candidates
from catalog.viewsets import validated
from resilience import breakers
from service import openapi

_rng = random.Random()  # noqa: S311 it draws house ads; the system's generator would take a call for each number
os.register_at_fork(after_in_child=_rng.seed)


class AdsView(GenericAPIView[Any]):
    """Chooses ads, without authentication."""

    permission_classes = (AllowAny,)
    serializer_class = AdContextSerializer

    def perform_authentication(self, request: Request) -> None:
        """Skip it: ads must not need the database. ``explain`` authenticates by reading request.user."""

    @extend_schema(
        operation_id="choose_ads",
        tags=["ads"],
        summary="Choose ads",
        auth=[],  # except for explain
        parameters=[*openapi.DATA_SOURCE, *openapi.RETRY_AFTER],
        responses={
            200: ADS_OR_EXPLAINED,
            400: openapi.INVALID,
            401: openapi.BAD_TOKEN,
            403: openapi.FORBIDDEN,
            406: openapi.NOT_ACCEPTABLE,
            413: openapi.TOO_LARGE,
            415: openapi.UNSUPPORTED,
            503: openapi.UNAVAILABLE,  # for explain only, which needs to authenticate
        },
    )
    def post(self, request: Request) -> Response:
        """Returns up to `limit` different products: sponsored ads that match, by an auction, then house ads, those of
        the product's category first and better rated ones more often. Two calls may differ. During a database outage
        there are only house ads, from the last candidates, else default ones."""
        context = validated(AdContextSerializer, request.data)
        if context["explain"] and not request.user.has_perm("campaigns.view_campaign"):
            raise PermissionDenied("explain needs the permission campaigns.view_campaign.")
        limit, asin, more_categories = context["limit"], context.get("asin"), tuple(context["categories"])
        candidates = get_ad_candidates(asin=asin, more_categories=more_categories, limit=limit)
        page = Page(asin, candidates.categories, more_categories, context["keywords"])
        chosen = get_sponsored(page, limit=limit, viewer=context.get("viewer"))
        ads = sponsored_ads(chosen, context.get("placement", ""))
        if len(ads) < limit:
            house = draw_house_ads(candidates.without({ad["asin"] for ad in ads}), limit - len(ads), _rng)
            ads += [house_ad(product) for product in house]
        ads = that_fit(ads)
        return Response({"ads": ads, "candidates": explained(chosen)} if context["explain"] else ads)


def home(request: HttpRequest) -> HttpResponse:
    """Show what this service is, the state of its breaker, and links. Queries no dependency."""
    context = {"breakers": [breaker.describe() for breaker in breakers.all_breakers()]}
    # No request in the context: context processors would query the database for the user.
    return HttpResponse(render_to_string("ad_provider_site/home.html", context))

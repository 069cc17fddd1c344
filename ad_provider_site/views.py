"""The ad provider's own calls: ads and the front page."""

import random
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ad_provider_site.choice import choose
from catalog import repository
from catalog.serializers import AsinField, ProductSerializer
from catalog.viewsets import validated
from resilience import breakers
from service import openapi

# So many candidates for each ad, so that the choice has something to choose from.
CANDIDATES_PER_AD = 4
_rng = random.SystemRandom()


class AdContextSerializer(serializers.Serializer[Any]):
    """What is known of the page that the ads are for."""

    asin = AsinField(required=False, help_text="The product that is looked at. It is never its own ad.")
    categories = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=20, required=False, help_text="Categories that fit."
    )
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10, help_text="How many ads at most.")


class AdsView(GenericAPIView[Any]):
    """Chooses ads. Anybody may ask."""

    authentication_classes = ()
    permission_classes = ()
    serializer_class = AdContextSerializer

    @extend_schema(
        operation_id="choose_ads",
        tags=["ads"],
        summary="Choose ads",
        parameters=openapi.DATA_SOURCE,
        responses={
            200: ProductSerializer(many=True),
            400: openapi.INVALID,
            406: openapi.NOT_ACCEPTABLE,
            413: openapi.TOO_LARGE,
            415: openapi.UNSUPPORTED,
        },
    )
    def post(self, request: Request) -> Response:
        """Up to `limit` different products: of the product's own category first, then of the whole catalogue, the best
        rated more often. Two calls may differ. While the database is away: from the last candidates, else house ads."""
        context = validated(AdContextSerializer, request.data)
        limit = context["limit"]
        candidates = repository.get_ad_candidates(
            asin=context.get("asin"),
            categories=tuple(context.get("categories", ())),
            limit=CANDIDATES_PER_AD * limit,
        )
        ads = choose(candidates, limit, _rng)
        return Response([ProductSerializer(ad).data for ad in ads])


def home(request: HttpRequest) -> HttpResponse:
    """What this is, how its dependency is doing and where to go. Asks nothing of it."""
    context = {"breakers": [breaker.describe() for breaker in breakers.all_breakers()]}
    # No request in the context: its processors would ask the database who is signed in.
    return HttpResponse(render_to_string("ad_provider_site/home.html", context))

"""The recommender's own views: ads, sabotage and the page about the service."""

from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import CredentialsOnly
from catalog import rules
from catalog.ads import AdSerializer
from catalog.serializers import AsinField
from catalog.viewsets import validated_query
from recommender_site.ad_client import AD_PROVIDER, get_ads
from resilience import breakers
from resilience.errors import DependencyUnavailable
from resilience.http import BadAnswer
from service import openapi
from service.fields import CommaSeparatedField
from service.views import BreakerSerializer

NO_SABOTAGE = openapi.error("SABOTAGE is off.")


class AdParameters(serializers.Serializer[Any]):
    asin = AsinField(required=False, help_text="The product that the page shows.")
    keywords = CommaSeparatedField(
        child=serializers.CharField(max_length=rules.MAX_KEYWORD),
        max_items=rules.MAX_KEYWORDS,
        required=False,
        help_text="Search terms, separated by commas. A keyword matches a term with all of its words, in any order.",
    )
    placement = serializers.CharField(
        required=False, max_length=rules.MAX_PLACEMENT, help_text="The place on the page, for reports."
    )
    viewer = serializers.CharField(
        required=False, max_length=rules.MAX_VIEWER, help_text="Your own key for the viewer."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=rules.MAX_ADS, default=rules.DEFAULT_ADS, help_text="Maximum number of ads."
    )


class AdsView(CredentialsOnly, APIView):
    """Ads, without authentication."""

    @extend_schema(
        operation_id="ads",
        tags=["ads"],
        summary="Ads for a page",
        parameters=[AdParameters, *openapi.DATA_SOURCE],
        responses={200: AdSerializer(many=True), **openapi.READ_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """Product-shaped ads from the ad provider. If it is down or its answer is invalid: house ads."""
        return Response(get_ads(**validated_query(AdParameters, request.META.get("QUERY_STRING", ""))))


class SabotageView(APIView):
    """Makes one protected call fail for real. It is a 404 unless SABOTAGE is on.

    Pages post a form with ``next``, their own path, and are shown again.
    """

    authentication_classes = ()
    permission_classes = ()
    breaker_name = ""
    error: type[Exception]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.SABOTAGE:
            raise Http404
        super().initial(request, *args, **kwargs)

    def sabotage(self) -> Response:
        breaker = breakers.get(self.breaker_name)
        try:
            breaker.call(self.fail)
        except DependencyUnavailable:
            next_page = self.request.data.get("next") if isinstance(self.request.data, QueryDict) else None
            if next_page and url_has_allowed_host_and_scheme(next_page, allowed_hosts=None):
                return Response(status=303, headers={"Location": next_page})
            return Response(breaker.describe())
        raise AssertionError("the sabotaged call did not fail")

    def fail(self) -> None:
        raise self.error("sabotage")


class SabotageDatabaseView(SabotageView):
    breaker_name = "database"
    error = OperationalError

    @extend_schema(
        operation_id="sabotage_db",
        tags=["sabotage"],
        summary="Make one call to the database fail",
        request=None,
        responses={200: BreakerSerializer, 404: NO_SABOTAGE},
    )
    def post(self, request: Request) -> Response:
        """The answer is the breaker after the call. While its circuit is open, this call is rejected like any other."""
        return self.sabotage()


class SabotageAdServerView(SabotageView):
    breaker_name = AD_PROVIDER
    error = BadAnswer

    @extend_schema(
        operation_id="sabotage_ad_server",
        tags=["sabotage"],
        summary="Make one call to the ad provider fail",
        request=None,
        responses={200: BreakerSerializer, 404: NO_SABOTAGE},
    )
    def post(self, request: Request) -> Response:
        """The answer is the breaker after the call. While its circuit is open, this call is rejected like any other."""
        return self.sabotage()


def about(request: HttpRequest) -> HttpResponse:
    """For engineers: what this is, the state of each dependency, and links. It contacts no dependency."""
    context = {
        "breakers": [breaker.describe() for breaker in breakers.all_breakers()],
        "ad_provider_url": settings.AD_PROVIDER_PUBLIC_URL,
        "sabotage": settings.SABOTAGE,
    }
    # Without the request: its context processors would query the database for the user.
    return HttpResponse(render_to_string("recommender_site/about.html", context))

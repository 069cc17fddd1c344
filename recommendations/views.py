"""The API of the recommendations."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from catalog.models import Product
from catalog.openapi import ASIN_IN_PATH, NOT_FOUND
from catalog.viewsets import UnknownProduct, valid_asin, validated, validated_query
from recommendations import metrics, repository
from recommendations.candidates import Recommended
from recommendations.serializers import (
    BasketSerializer,
    ListParameters,
    RecommendedSerializer,
    ReviewerParameters,
    ReviewerPath,
)
from service import openapi
from service.caching import SharedReads

REVIEWER_IN_PATH = OpenApiParameter("reviewerID", str, OpenApiParameter.PATH, description="As in the reviews.")
LISTED = {200: RecommendedSerializer(many=True), **openapi.READ_ERRORS}


class RecommendationsView(GenericAPIView[Any]):
    """The base of these views. They need no authentication: even the POST changes nothing."""

    serializer_class: type[Serializer[Any]] = RecommendedSerializer
    authentication_classes = ()
    permission_classes = (AllowAny,)
    pagination_class = None
    filter_backends = ()

    def asked(self, serializer_class: type[ListParameters] = ListParameters) -> dict[str, Any]:
        """The validated query parameters. Raises ValidationError."""
        return dict(validated_query(serializer_class, self.request.META.get("QUERY_STRING", ""), "exclude"))

    def answer(self, list_name: str, found: list[Recommended]) -> Response:
        metrics.observe_list(list_name, found)
        serializer = RecommendedSerializer()
        return Response([serializer.to_representation(each) for each in found])


@extend_schema(tags=["recommendations"])
class SimilarView(SharedReads, RecommendationsView):
    name = "Products like this one"

    @extend_schema(
        operation_id="similar_products",
        summary="Recommend products like one",
        parameters=[ASIN_IN_PATH, ListParameters, *openapi.SHARED],
        responses={**LISTED, **openapi.SHARED_READ, 404: NOT_FOUND},
    )
    def get(self, request: Request, asin: str) -> Response:
        """Products with the same reviewers, with similar texts, related by the metadata, or popular in the category.
        While the database is down: the stale answer to the same request, else popular products."""
        try:
            return self.answer("similar", repository.similar(asin=valid_asin(asin), **self.asked()))
        except Product.DoesNotExist:
            raise UnknownProduct from None


@extend_schema(tags=["recommendations"])
class ReviewerView(RecommendationsView):
    name = "Recommended to this reviewer"

    @extend_schema(
        operation_id="reviewer_recommendations",
        summary="Recommend products to a reviewer",
        parameters=[REVIEWER_IN_PATH, ReviewerParameters, *openapi.DATA_SOURCE],
        responses=LISTED,
    )
    def get(self, request: Request, reviewerID: str) -> Response:
        """Based on the latest products that they reviewed; the newest counts most. A review counts as soon as it is
        posted. An unknown reviewer gets popular products, with `popular` as their source."""
        name = validated(ReviewerPath, {"reviewerID": reviewerID})["reviewerID"]
        return self.answer("for-reviewer", repository.for_reviewer(reviewer_id=name, **self.asked(ReviewerParameters)))


@extend_schema(tags=["recommendations"])
class BasketView(RecommendationsView):
    name = "Goes with these products"
    serializer_class = BasketSerializer

    @extend_schema(
        operation_id="basket_recommendations",
        summary="Recommend products that go with others",
        parameters=openapi.DATA_SOURCE,
        responses={**LISTED, 413: openapi.TOO_LARGE, 415: openapi.UNSUPPORTED},
    )
    def post(self, request: Request) -> Response:
        """For a basket or a session, without an identity. Nothing is stored. Unknown asins are ignored."""
        asked = validated(BasketSerializer, request.data)
        asins, exclude = tuple(asked.pop("asins")), tuple(asked.pop("exclude"))
        return self.answer("for-products", repository.for_products(asins=asins, exclude=exclude, **asked))


@extend_schema(tags=["recommendations"])
class PopularView(SharedReads, RecommendationsView):
    name = "Popular products"

    @extend_schema(
        operation_id="popular_products",
        summary="List popular products",
        parameters=[ListParameters, *openapi.SHARED],
        responses={**LISTED, **openapi.SHARED_READ},
    )
    def get(self, request: Request) -> Response:
        """The most reviewed products, of `category` if it is given. Newer reviews count more."""
        return self.answer("popular", repository.popular(**self.asked()))

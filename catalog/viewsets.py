"""The API of products: parses requests, calls the repository, answers. And the base of that of reviews."""

from functools import cache, lru_cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from django.http import QueryDict
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import CredentialsOnly
from catalog import repository, review_repository, rules
from catalog.models import Product
from catalog.openapi import ASIN_IN_PATH, CONFLICT, LOCATION, NOT_FOUND, TOO_MANY_REVIEWS
from catalog.orders import as_text
from catalog.parameters import FieldsParameter, ProductParameters, SearchParameters
from catalog.review_serializers import ReviewPageParameters, ReviewSerializer, ReviewSummarySerializer
from catalog.rows import Page
from catalog.search import repository as products
from catalog.serializers import FacetsSerializer, PathParameters, ProductSerializer
from catalog.served import ProductRow, ReviewRow
from catalog.withdrawals import withdrawals
from service import openapi
from service.caching import SharedReads
from service.fields import MAX_ERRORS
from service.permissions import PermittedOrReadOnly


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class UnknownProduct(NotFound):
    default_detail = "There is no such product."


def validated(serializer_class: type[Serializer[Any]], data: Any, **options: Any) -> dict[str, Any]:
    """The validated ``data``. Raises ValidationError, a 400 that names each field."""
    if not options and data is not None:
        # One instance for all requests: to make one copies all fields, which takes longer than to validate them.
        return dict(_shared(serializer_class).run_validation(data))
    serializer = serializer_class(data=data, **options)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@cache
def _shared(serializer_class: type[Serializer[Any]]) -> Serializer[Any]:
    return serializer_class()


def valid_asin(asin: str) -> str:
    """The asin of a path. Raises ValidationError."""
    return asin if rules.is_asin(asin) else str(validated(PathParameters, {"asin": asin})["asin"])


@lru_cache(maxsize=4096)
def validated_query(serializer_class: type[Serializer[Any]], query: str, repeatable: str = "") -> dict[str, Any]:
    """The validated parameters of a query string, which must not be changed. Raises ValidationError.

    The values of the ``repeatable`` parameter are joined by commas; of any other one the last value counts.
    """
    # Cached, because a few queries repeat all day and validation costs as much as the answer. A plain dict, because in
    # a QueryDict an empty value would pass for a missing one.
    given = QueryDict(query)
    known = _shared(serializer_class).fields
    if unknown := given.keys() - known.keys() - {"format"}:
        text = f"There is no such parameter. Known are {', '.join(known)}."
        raise ValidationError({name: [text] for name in sorted(unknown)[:MAX_ERRORS]})
    joined = {repeatable: ",".join(given.getlist(repeatable))} if repeatable in given else {}
    return validated(serializer_class, given.dict() | joined)


def _only(fields: tuple[str, ...], shown: dict[str, Any]) -> dict[str, Any]:
    """These fields of what is shown; all without ``fields``."""
    return {name: shown[name] for name in fields} if fields else shown


class CatalogViewSet(SharedReads, CredentialsOnly, GenericViewSet[Any]):
    """Base of both viewsets: pages, and the asin in the path."""

    pagination_class = None
    filter_backends = ()
    lookup_field = "asin"
    lookup_value_regex = "[^/]+"

    def answer(self, page: Page[ProductRow] | Page[ReviewRow], fields: tuple[str, ...] = ()) -> Response:
        """The page. If there are more rows, a Link continues by key, so that no page costs more than the first."""
        headers = {}
        if page.next_after is not None:
            query = dict(parse_qsl(self.request.META.get("QUERY_STRING", ""))) | {"after": as_text(page.next_after)}
            query.pop("skip", None)
            url = f"{self.request.scheme}://{self.request.get_host()}{self.request.path}?{urlencode(query, safe=',')}"
            headers["Link"] = f'<{url}>; rel="next"'
        if page.total:
            headers["X-Total-Count"] = str(page.total.number)
            if not page.total.is_exact:
                headers["X-Total-Count-Estimated"] = "true"
        serializer = self.get_serializer()
        shown = [_only(fields, serializer.to_representation(row)) for row in page.rows]
        return Response(shown, headers=headers)

    def path_asin(self) -> str:
        """The asin of the path. Raises ValidationError."""
        return valid_asin(self.kwargs["asin"])

    def parameters(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """The validated query parameters. Raises ValidationError."""
        return dict(validated_query(serializer_class, self.request.META.get("QUERY_STRING", "")))


@extend_schema(tags=["products"])
class ProductViewSet(CatalogViewSet):
    """Products. Everybody may read. Writes require the same permissions as in the admin."""

    serializer_class = ProductSerializer
    # Names of the URLs that a product's page in the browser links to. Other apps add theirs.
    linked: ClassVar[list[str]] = ["product-reviews"]
    # The second implies the first, which tells the schema that reads may be anonymous.
    permission_classes = (IsAuthenticatedOrReadOnly, PermittedOrReadOnly)
    write_permissions: ClassVar[dict[str, list[str]]] = {
        "POST": ["catalog.add_product"],
        "PUT": ["catalog.change_product"],
        "PATCH": ["catalog.change_product"],
        "DELETE": ["catalog.delete_product"],
    }

    def get_object(self) -> ProductRow:
        """The product of the path. Raises ValidationError or UnknownProduct."""
        try:
            return repository.get_product_by_asin(asin=self.path_asin())
        except Product.DoesNotExist:
            raise UnknownProduct from None

    @extend_schema(
        summary="List products",
        parameters=[ProductParameters, *openapi.SHARED, *openapi.LINK, *openapi.TOTAL_COUNT],
        responses={200: ProductSerializer(many=True), **openapi.SHARED_READ},
    )
    def list(self, request: Request) -> Response:
        """Listed products that match. If the database is down: the last answer to the same request, else a stand-in."""
        asked = self.parameters(ProductParameters)
        fields = asked.pop("fields", ())
        found = products.get_products_by_asins if "asins" in asked else products.get_products
        return self.answer(found(**asked), fields)

    @extend_schema(
        summary="Count products by category, brand, price and rating",
        parameters=[SearchParameters, *openapi.SHARED],
        responses={200: FacetsSerializer, **openapi.SHARED_READ},
    )
    @action(detail=False, serializer_class=FacetsSerializer)
    def facets(self, request: Request) -> Response:
        """Of the products that match. If the database is down: the last answer to the same request, else nothing."""
        found = products.get_facets(**self.parameters(SearchParameters))
        return Response(self.get_serializer().to_representation(found))

    @extend_schema(
        summary="Show a product",
        parameters=[ASIN_IN_PATH, FieldsParameter, *openapi.SHARED],
        responses={200: ProductSerializer, **openapi.SHARED_READ, 404: NOT_FOUND},
    )
    def retrieve(self, request: Request, asin: str) -> Response:
        """One product. If the database is down: the last answer, else a stand-in with the same asin."""
        fields = self.parameters(FieldsParameter).get("fields", ())
        product = self.get_object()
        is_page = request.accepted_renderer.format == "api"
        # A page shows a form, which the browsable API finds by the data of a serializer. Making one takes longer.
        shown = self.get_serializer(product).data if is_page else _shared(ProductSerializer).to_representation(product)
        response = Response(_only(fields, shown))
        if is_page:
            pages = [request.build_absolute_uri(reverse(name, args=[asin])) for name in self.linked]
            response["Link"] = ", ".join(f'<{page}>; rel="related"' for page in pages)
        return response

    @extend_schema(
        summary="Create a product",
        parameters=[*LOCATION, *openapi.RETRY_AFTER],
        responses={201: ProductSerializer, 409: CONFLICT, **openapi.WRITE_ERRORS},
    )
    def create(self, request: Request) -> Response:
        """Requires the permission `catalog.add_product`."""
        fields = validated(ProductSerializer, request.data)
        asin = fields.pop("asin")
        try:
            product = repository.create_product(asin=asin, fields=fields)  # type: ignore[arg-type]
        except repository.AlreadyExists as error:
            raise Conflict(str(error)) from error
        location = {"Location": request.build_absolute_uri(reverse("product-detail", args=[asin]))}
        return Response(self.get_serializer(product).data, status=status.HTTP_201_CREATED, headers=location)

    @extend_schema(
        summary="Replace a product",
        parameters=[ASIN_IN_PATH, *openapi.RETRY_AFTER],
        responses={200: ProductSerializer, 404: NOT_FOUND, **openapi.WRITE_ERRORS},
    )
    def update(self, request: Request, asin: str, partial: bool = False) -> Response:
        """Requires the permission `catalog.change_product`. Omitted fields keep their values. With `listed: false` the
        answer comes a second later: from then on no process shows the product in a list, not even in an outage."""
        asin = self.path_asin()
        fields = validated(ProductSerializer, request.data, partial=partial)
        if fields.pop("asin", asin) != asin:
            raise ValidationError({"asin": ["An asin cannot be changed."]})
        try:
            product = repository.update_product(asin=asin, fields=fields)  # type: ignore[arg-type]
        except Product.DoesNotExist:
            raise UnknownProduct from None
        if not {"is_listed", "in_stock"}.isdisjoint(fields):
            withdrawals.announce(product)
        return Response(self.get_serializer(product).data)

    @extend_schema(
        summary="Change some fields of a product",
        parameters=[ASIN_IN_PATH, *openapi.RETRY_AFTER],
        responses={200: ProductSerializer, 404: NOT_FOUND, **openapi.WRITE_ERRORS},
    )
    def partial_update(self, request: Request, asin: str) -> Response:
        """Requires the permission `catalog.change_product`."""
        return self.update(request, asin, partial=True)

    @extend_schema(
        summary="Delete a product and its reviews",
        parameters=[ASIN_IN_PATH, *openapi.RETRY_AFTER],
        responses={204: None, 404: NOT_FOUND, 409: TOO_MANY_REVIEWS, **openapi.WRITE_ERRORS},
    )
    def destroy(self, request: Request, asin: str) -> Response:
        """Requires the permission `catalog.delete_product`, and `catalog.delete_review` if there are reviews. As for
        `listed: false`, the answer comes a second later."""
        asin = self.path_asin()
        with_reviews = request.user.has_perm("catalog.delete_review")
        try:
            repository.delete_product(asin=asin, with_reviews=with_reviews)
        except Product.DoesNotExist:
            raise UnknownProduct from None
        except repository.HasReviews:
            raise PermissionDenied("The product has reviews: you need the permission catalog.delete_review.") from None
        except repository.TooManyReviews as error:
            raise Conflict(str(error)) from error
        withdrawals.announce_deleted(asin)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="List a product's reviews",
        tags=["reviews"],
        parameters=[ASIN_IN_PATH, ReviewPageParameters, *openapi.SHARED, *openapi.LINK],
        responses={200: ReviewSerializer(many=True), **openapi.SHARED_READ, 404: NOT_FOUND},
    )
    @action(detail=True, serializer_class=ReviewSerializer)
    def reviews(self, request: Request, asin: str) -> Response:
        """Published reviews, by default by id. If the database is down: the last answer to the same request, else
        none."""
        part = self.parameters(ReviewPageParameters)
        try:
            return self.answer(review_repository.get_reviews_by_asin(asin=self.path_asin(), **part))
        except Product.DoesNotExist:
            raise UnknownProduct from None

    @extend_schema(
        summary="Summarize a product's reviews",
        tags=["reviews"],
        parameters=[ASIN_IN_PATH, *openapi.SHARED],
        responses={200: ReviewSummarySerializer, **openapi.SHARED_READ, 404: NOT_FOUND},
    )
    @action(detail=True, url_path="reviews/summary", serializer_class=ReviewSummarySerializer)
    def review_summary(self, request: Request, asin: str) -> Response:
        """Stars and the most helpful reviews. If the database is down: the last answer, else a summary of nothing."""
        try:
            summary = review_repository.get_review_summary(asin=self.path_asin())
        except Product.DoesNotExist:
            raise UnknownProduct from None
        return Response(self.get_serializer().to_representation(summary))

"""The API of reviews: parses requests, calls the repository, answers."""

from typing import Any

from django.core import exceptions
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import review_repository, reviewing
from catalog.models import Product, Review
from catalog.openapi import CONFLICT, ID_IN_PATH, NO_REVIEW, VOTED
from catalog.repository import AlreadyExists
from catalog.review_serializers import (
    ReviewParameters,
    ReviewPathParameters,
    ReviewSerializer,
    ShownReviewSerializer,
)
from catalog.served import ReviewRow
from catalog.viewsets import CatalogViewSet, Conflict, validated
from catalog.wire import REVIEWER_ID
from service import openapi

# What a new review of a user without permissions may hold.
_UNCLAIMED = {"helpful_votes": 0, "total_votes": 0, "verified": False}


class UnknownReview(NotFound):
    default_detail = "There is no such review."


@extend_schema(tags=["reviews"])
class ReviewViewSet(CatalogViewSet):
    """Reviews. Everybody may read, every user may post, and change and delete their own."""

    serializer_class = ReviewSerializer
    permission_classes = (IsAuthenticatedOrReadOnly,)
    lookup_field = "id"

    @extend_schema(
        summary="List reviews",
        parameters=[ReviewParameters, *openapi.SHARED, *openapi.LINK],
        responses={200: ReviewSerializer(many=True), **openapi.SHARED_READ},
    )
    def list(self, request: Request) -> Response:
        """Published reviews, by default by id. If the database is down: the last answer to the same request, else
        none."""
        return self.answer(review_repository.get_reviews(**self.parameters(ReviewParameters)))

    @extend_schema(
        summary="Show a review",
        parameters=[ID_IN_PATH, *openapi.SHARED],
        responses={200: ShownReviewSerializer, **openapi.SHARED_READ, 404: NO_REVIEW},
    )
    def retrieve(self, request: Request, id: str) -> Response:
        """One published review; its signed-in author sees it in any state. If the database is down: the last answer,
        else a stand-in with the same id and without a rating."""
        number = self.path_id()
        try:
            review = review_repository.get_review(number=number)
        except Review.DoesNotExist:
            review = self._own(number)
        return Response(self.get_serializer(review).data)

    @extend_schema(
        summary="Post a review",
        parameters=openapi.RETRY_AFTER,
        responses={201: ReviewSerializer, 409: CONFLICT, **openapi.WRITE_ERRORS},
    )
    def create(self, request: Request) -> Response:
        """Users post as themselves, with the current time and no votes. Anything else requires the permission
        `catalog.post_for_others`. A review that was answered with 201 is in the database. Where the shop reads reviews
        first, its `state` is `pending` until then."""
        user = request.user.get_username()
        fields = validated(ReviewSerializer, request.data)
        self._refuse_claims(fields, {"reviewer_id": user, **_UNCLAIMED})
        asin = fields.pop("asin")
        reviewer_id = fields.pop("reviewer_id", None) or self._own_id(user)
        try:
            review = reviewing.post(request.user, reviewer_id=reviewer_id, asin=asin, fields=fields)
        except Product.DoesNotExist:
            raise ValidationError({"asin": [f"There is no product {asin}."]}) from None
        except AlreadyExists as error:
            raise Conflict(str(error)) from error
        return Response(self.get_serializer(review).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change some fields of a review",
        parameters=[ID_IN_PATH, *openapi.RETRY_AFTER],
        responses={200: ReviewSerializer, 404: NO_REVIEW, **openapi.WRITE_ERRORS},
    )
    def partial_update(self, request: Request, id: str) -> Response:
        """For its author, or with the permission `catalog.change_review`. Votes, time and `verified` require
        `catalog.post_for_others`. Where the shop reads reviews first, it reads a changed one again."""
        stored = self._stored("catalog.change_review")
        fields = validated(ReviewSerializer, request.data, partial=True)
        identity = (("asin", "asin", stored.product_id), (REVIEWER_ID, "reviewer_id", stored.reviewer_id))
        for name, attribute, kept in identity:
            if fields.pop(attribute, kept) != kept:
                raise ValidationError({name: ["It cannot be changed."]})
        fields = {name: value for name, value in fields.items() if getattr(stored, name) != value}
        self._refuse_claims(fields, {})
        try:
            review = reviewing.change(request.user, stored, fields)
        except Review.DoesNotExist:
            raise UnknownReview from None
        return Response(self.get_serializer(review).data)

    @extend_schema(
        summary="Delete a review",
        parameters=[ID_IN_PATH, *openapi.RETRY_AFTER],
        responses={204: None, 404: NO_REVIEW, **openapi.WRITE_ERRORS},
    )
    def destroy(self, request: Request, id: str) -> Response:
        """For its author, or with the permission `catalog.delete_review`. The answer comes a second later: from then on
        no process shows the review, not even in an outage."""
        stored = self._stored("catalog.delete_review")
        try:
            reviewing.delete(stored)
        except Review.DoesNotExist:
            raise UnknownReview from None
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Find a review helpful",
        parameters=[ID_IN_PATH, *openapi.RETRY_AFTER],
        request=None,
        responses={200: ReviewSerializer, 404: NO_REVIEW, 409: VOTED, **openapi.WRITE_ERRORS},
    )
    @action(detail=True, methods=["post"])
    def helpful(self, request: Request, id: str) -> Response:
        """Counts in both numbers of `helpful`, once for each user, and not for one's own review."""
        try:
            review = review_repository.vote_helpful(number=self.path_id(), voter=request.user.get_username())
        except Review.DoesNotExist:
            raise UnknownReview from None
        except review_repository.OwnReview:
            raise PermissionDenied("You cannot vote for your own review.") from None
        except AlreadyExists as error:
            raise Conflict(str(error)) from error
        return Response(self.get_serializer(review).data)

    def path_id(self) -> int:
        """The id of the path. Raises ValidationError."""
        return int(validated(ReviewPathParameters, {"id": self.kwargs["id"]})["id"])

    def _own(self, number: int) -> ReviewRow:
        """The signed-in user's own review, which is not published. Raises UnknownReview."""
        user = self.request.user
        try:
            if user.is_authenticated:
                return review_repository.get_own_review(number=number, reviewer_id=user.get_username())
        except Review.DoesNotExist:
            pass
        raise UnknownReview

    def _stored(self, permission: str) -> ReviewRow:
        """The review of the path, which the user may change. Raises UnknownReview or PermissionDenied."""
        try:
            return reviewing.get_for_change(self.request.user, self.path_id(), permission)
        except Review.DoesNotExist:
            raise UnknownReview from None
        except exceptions.PermissionDenied as error:
            raise PermissionDenied(str(error)) from None

    def _refuse_claims(self, fields: dict[str, Any], own: dict[str, Any]) -> None:
        """Raise PermissionDenied for values that are not the user's ``own`` to set."""
        claimed = ReviewSerializer.claimed(fields, own)
        if claimed and not self.request.user.has_perm("catalog.post_for_others"):
            text = "You need the permission catalog.post_for_others"
            named = {name: [f"{text} to set this."] for name in claimed}
            raise PermissionDenied({"detail": f"{text}.", **named})

    def _own_id(self, user: str) -> str:
        """The ``user`` name as a reviewer's id. Raises ValidationError, because it may be too long."""
        return str(validated(ReviewParameters, {REVIEWER_ID: user})["reviewer_id"])

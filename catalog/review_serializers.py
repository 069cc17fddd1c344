"""The wire format of reviews. Serializers validate requests and format answers. They make no queries."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from catalog import rules
from catalog.orders import BY_ID
from catalog.orders import REVIEW_ORDERS as ORDERS
from catalog.serializers import MAX_ID, NOT_A_KEY, AsinField, PartParameters, RatingSerializer
from catalog.served import ReviewRow
from catalog.wire import REVIEW_TEXT, REVIEW_TIME, REVIEWER_ID, REVIEWER_NAME, UNIX_REVIEW_TIME
from service.fields import BoundedListField, FlagField

# The attributes of the fields that only who may post for others sets as they like.
_CLAIMS = {
    REVIEWER_ID: ("reviewer_id",),
    "helpful": ("helpful_votes", "total_votes"),
    UNIX_REVIEW_TIME: ("unix_review_time",),
    "verified": ("verified",),
}
_UNSET = object()


class ReviewSerializer(serializers.Serializer[ReviewRow]):
    """One reviewer's opinion of one product."""

    id = serializers.IntegerField(read_only=True)
    reviewerID = serializers.CharField(
        label="Reviewer ID",
        source="reviewer_id",
        max_length=rules.MAX_REVIEWER,
        required=False,
        help_text="Defaults to your user name. Another one requires the permission `catalog.post_for_others`.",
    )
    asin = AsinField(label="ASIN")
    product_id = serializers.CharField(label="Product ID", read_only=True, help_text="The same as `asin`.")
    reviewerName = serializers.CharField(
        label="Reviewer name", source="reviewer_name", max_length=rules.MAX_NAME, required=False, allow_blank=True
    )
    helpful = BoundedListField(
        child=serializers.IntegerField(min_value=0, max_value=rules.MAX_VOTES),
        min_length=2,
        max_length=2,
        required=False,
        help_text="Helpful votes and all votes, [0, 0] by default. Other values require the permission"
        " `catalog.post_for_others`.",
    )
    reviewText = serializers.CharField(
        label="Text",
        source="review_text",
        max_length=rules.MAX_TEXT,
        required=False,
        allow_blank=True,
        style={"base_template": "textarea.html"},
    )
    overall = serializers.IntegerField(label="Stars", min_value=1, max_value=5, help_text="Stars, 1 to 5.")
    summary = serializers.CharField(max_length=rules.MAX_TITLE, required=False, allow_blank=True)
    unixReviewTime = serializers.IntegerField(
        label="Time (seconds since 1970)",
        source="unix_review_time",
        min_value=0,
        max_value=rules.MAX_TIME,
        required=False,
        help_text="Seconds since 1970, UTC; now by default. Another time requires the permission"
        " `catalog.post_for_others`.",
    )
    reviewTime = serializers.CharField(
        label="Day", read_only=True, help_text="The day of unixReviewTime, as in “02 8, 2014”."
    )

    verified = FlagField(
        label="Bought it",
        required=False,
        initial=False,
        help_text="Whether the reviewer has bought the product. True requires the permission"
        " `catalog.post_for_others`.",
    )
    reply = serializers.CharField(read_only=True, help_text="The shop's answer, empty without one.")
    state = serializers.CharField(
        read_only=True,
        help_text="`published`; to its author it may be `pending`, until the shop has read it, or `rejected`.",
    )

    def validate_unixReviewTime(self, seconds: int) -> int:
        if seconds > rules.latest_time():
            raise serializers.ValidationError("This is in the future.")
        return seconds

    def validate_helpful(self, votes: list[int]) -> list[int]:
        if votes[0] > votes[1]:
            raise serializers.ValidationError("There cannot be more helpful votes than votes.")
        return votes

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "helpful" in attrs or not self.partial:
            attrs["helpful_votes"], attrs["total_votes"] = attrs.pop("helpful", (0, 0))
        return attrs

    @staticmethod
    def claimed(fields: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
        """Names of the fields whose values require the permission to post for others, because they are not ``own``."""
        return [
            name
            for name, attributes in _CLAIMS.items()
            if any(each in fields and fields[each] != own.get(each, _UNSET) for each in attributes)
        ]

    def to_representation(self, review: ReviewRow) -> dict[str, Any]:
        return {
            "id": review.id,
            REVIEWER_ID: review.reviewer_id,
            "asin": review.product_id,
            "product_id": review.product_id,
            REVIEWER_NAME: review.reviewer_name,
            "helpful": [review.helpful_votes, review.total_votes],
            REVIEW_TEXT: review.review_text,
            "overall": review.overall,
            "summary": review.summary,
            UNIX_REVIEW_TIME: review.unix_review_time,
            REVIEW_TIME: review.review_time,
            "verified": bool(review.verified),  # SQLite has no booleans
            "reply": review.reply,
            "state": str(review.state),
        }


class ShownReviewSerializer(ReviewSerializer):
    """A review, or a stand-in that has no rating and no time."""

    overall = serializers.IntegerField(min_value=1, max_value=5, allow_null=True, help_text="Stars; null in a default.")
    unixReviewTime = serializers.IntegerField(
        source="unix_review_time", allow_null=True, help_text="Seconds since 1970, UTC; null in a default."
    )


class HistogramSerializer(serializers.Serializer[Any]):
    """The number of reviews with each number of stars."""

    def get_fields(self) -> dict[str, Any]:
        return {str(stars): serializers.IntegerField() for stars in range(5, 0, -1)}


class ReviewSummarySerializer(serializers.Serializer[Any]):
    """How a product is rated."""

    rating = RatingSerializer()
    histogram = HistogramSerializer(allow_null=True, help_text="Reviews by stars; null if unknown.")
    most_helpful_positive = ReviewSerializer(allow_null=True, help_text="Of those with four or five stars.")
    most_helpful_critical = ReviewSerializer(allow_null=True, help_text="Of those with three or fewer.")

    def to_representation(self, summary: Any) -> dict[str, Any]:
        review = ReviewSerializer()
        stars = dict(enumerate(summary.histogram, 1))
        count = sum(stars.values())
        total = sum(number * reviews for number, reviews in stars.items())
        return {
            "rating": {"average": round(total / count, 2) if count else None, "count": count},
            "histogram": {str(number): stars[number] for number in reversed(stars)} or None,
            "most_helpful_positive": summary.positive and review.to_representation(summary.positive),
            "most_helpful_critical": summary.critical and review.to_representation(summary.critical),
        }


class ReviewPageParameters(PartParameters):
    """The requested part of a list of reviews, and their order."""

    sort = serializers.ChoiceField(
        choices=[*ORDERS],
        required=False,
        help_text="By default by id. `helpful`: most helpful votes first. `-rating`: best rating first.",
    )
    min_rating = serializers.IntegerField(min_value=1, max_value=5, required=False, help_text="Stars at least.")
    verified = FlagField(required=False, help_text="Whether the reviewer has bought the product.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        order = ORDERS[attrs["sort"]] if "sort" in attrs else BY_ID
        if "after" in attrs and len(attrs["after"]) != len(order.columns):
            raise serializers.ValidationError({"after": [NOT_A_KEY]})
        return attrs


class ReviewParameters(ReviewPageParameters):
    asin = AsinField(required=False, help_text="Reviews of this product only.")
    reviewerID = serializers.CharField(
        source="reviewer_id", max_length=rules.MAX_REVIEWER, required=False, help_text="Reviews by this reviewer only."
    )


class ReviewPathParameters(serializers.Serializer[Any]):
    id = serializers.IntegerField(min_value=1, max_value=MAX_ID)

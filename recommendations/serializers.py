"""The wire format of the recommendations."""

from typing import Any

from rest_framework import serializers

from catalog import rules
from catalog.serializers import AsinField, ProductSerializer
from recommendations.candidates import SOURCES, Recommended
from recommendations.repository import DEFAULT_LIMIT
from service.fields import BoundedListField, CommaSeparatedField

MAX_LIMIT = MAX_ASINS = 100
DIVERSE = "Whether near-duplicates, and many products of one leaf category, come after other products."


class ListParameters(serializers.Serializer[Any]):
    """The parameters of every list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text="Maximum number of products."
    )
    category = serializers.CharField(
        max_length=rules.MAX_NAME, default=None, help_text="Only products of this category, at any depth."
    )
    exclude = CommaSeparatedField(
        child=AsinField(),
        max_items=MAX_ASINS,
        allow_blank=True,
        default=tuple,
        help_text=f"Asins to leave out, separated by commas; at most {MAX_ASINS}.",
    )
    diverse = serializers.BooleanField(default=True, help_text=DIVERSE)


class ReviewerParameters(ListParameters):
    include_seen = serializers.BooleanField(default=False, help_text="Include products that the reviewer has reviewed.")


class ReviewerPath(serializers.Serializer[Any]):
    reviewerID = serializers.CharField(max_length=rules.MAX_REVIEWER)


class BasketSerializer(serializers.Serializer[Any]):
    """The products of a basket or a session, and the parameters of the list."""

    asins = BoundedListField(child=AsinField(), min_length=1, max_length=MAX_ASINS, help_text="The newest first.")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    category = serializers.CharField(max_length=rules.MAX_NAME, default=None, allow_null=True)
    exclude = BoundedListField(child=AsinField(), max_length=MAX_ASINS, default=list)
    diverse = serializers.BooleanField(default=True, help_text=DIVERSE)


class RecommendedSerializer(ProductSerializer):
    """A product and the reason for its recommendation."""

    score = serializers.FloatField(help_text="The score, comparable within one source of one answer.")
    source = serializers.ChoiceField(SOURCES, help_text="The source that found it.")  # type: ignore[assignment]
    because = serializers.CharField(
        allow_null=True, help_text="The asin of the product that led to it, if there is one."
    )

    def to_representation(self, recommended: Recommended) -> dict[str, Any]:  # type: ignore[override]
        product, score, source, because = recommended
        return {**super().to_representation(product), "score": score, "source": source, "because": because}

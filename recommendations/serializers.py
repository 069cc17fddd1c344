"""The wire format of the recommendations."""

from typing import Any

from rest_framework import serializers

from catalog.serializers import AsinField, ProductSerializer
from recommendations.candidates import SOURCES, Recommended
from recommendations.repository import DEFAULT_LIMIT
from service.fields import BoundedListField

MAX_LIMIT = MAX_ASINS = 100


class AsinsField(serializers.CharField):
    """Asins with commas between them."""

    def to_internal_value(self, data: Any) -> tuple[str, ...]:  # type: ignore[override]
        asins = [asin for asin in super().to_internal_value(data).split(",") if asin]
        if len(asins) > MAX_ASINS:
            raise serializers.ValidationError(f"Ensure this has no more than {MAX_ASINS} asins.")
        field = AsinField()
        return tuple(field.run_validation(asin) for asin in asins)


class ListParameters(serializers.Serializer[Any]):
    """Which recommendations are asked for."""

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text="How many.")
    category = serializers.CharField(
        max_length=200, default=None, help_text="Products of this category only, at any depth."
    )
    exclude = AsinsField(
        allow_blank=True,
        default=tuple,  # type: ignore[arg-type]
        help_text=f"Asins to leave out, with commas between them; up to {MAX_ASINS}.",
    )


class ReviewerParameters(ListParameters):
    include_seen = serializers.BooleanField(default=False, help_text="With what the reviewer has reviewed already.")


class ReviewerPath(serializers.Serializer[Any]):
    reviewerID = serializers.CharField(max_length=64)


class BasketSerializer(serializers.Serializer[Any]):
    """A basket or a session, and what is asked for."""

    asins = BoundedListField(child=AsinField(), min_length=1, max_length=MAX_ASINS, help_text="The newest first.")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    category = serializers.CharField(max_length=200, default=None, allow_null=True)
    exclude = BoundedListField(child=AsinField(), max_length=MAX_ASINS, default=list)


class RecommendedSerializer(ProductSerializer):
    """A product, and why it is recommended."""

    score = serializers.FloatField(help_text="How well it fits; to compare within one source of one answer.")
    source = serializers.ChoiceField(SOURCES, help_text="What it was found by.")  # type: ignore[assignment]
    because = serializers.CharField(allow_null=True, help_text="The asin that it follows from, if from one.")

    def to_representation(self, recommended: Recommended) -> dict[str, Any]:  # type: ignore[override]
        product, score, source, because = recommended
        return {**super().to_representation(product), "score": score, "source": source, "because": because}

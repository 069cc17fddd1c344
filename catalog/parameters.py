"""The query parameters of the list of products."""

from typing import Any

from rest_framework import serializers

from catalog import rules
from catalog.search.query import ALL, SORTS, Search, takes
from catalog.search.words import words_of
from catalog.serializers import NOT_A_KEY, AsinField, PartParameters, ProductSerializer
from service.fields import CommaSeparatedField

MAX_SEARCH = 200  # characters
MAX_ASINS = 100
FIELDS = tuple(ProductSerializer().fields)
_PRICE: dict[str, Any] = {
    "max_digits": rules.PRICE_DIGITS,
    "decimal_places": rules.PRICE_PLACES,
    "min_value": 0,
    "required": False,
    "coerce_to_string": False,  # a number in the schema
}


class FieldsParameter(serializers.Serializer[Any]):
    """``fields``, a name that a serializer has taken for itself."""

    def get_fields(self) -> dict[str, Any]:
        wanted = CommaSeparatedField(
            child=serializers.ChoiceField(FIELDS),  # type: ignore[arg-type]
            max_items=len(FIELDS),
            required=False,
            help_text="Names of the fields to send, separated by commas. The answer has only these, and not what the"
            " schema requires of a whole one.",
        )
        return {**super().get_fields(), "fields": wanted}


class SearchParameters(serializers.Serializer[Any]):
    """Which products."""

    q = serializers.CharField(
        max_length=MAX_SEARCH,
        required=False,
        help_text="Words of the title, the brand or a category, in any order. The last one may be incomplete.",
    )
    category = serializers.CharField(
        max_length=rules.MAX_NAME, required=False, help_text="A category, with all below it."
    )
    brand = serializers.CharField(max_length=rules.MAX_NAME, required=False, help_text="As products have it.")
    min_price = serializers.DecimalField(**_PRICE, help_text="Without those that have no price.")
    max_price = serializers.DecimalField(**_PRICE, help_text="Without those that have no price.")
    min_rating = serializers.FloatField(
        min_value=1, max_value=5, required=False, help_text="The lowest average of stars. Without those unrated."
    )
    in_stock = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only those in stock, or only the others."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Collect what is asked for in ``search``."""
        asked: dict[str, Any] = {name: attrs.pop(name) for name in Search._fields if name in attrs}
        if "q" in attrs:
            asked["words"] = words_of(attrs.pop("q"))
        return {**attrs, "search": Search(**asked)}


class ProductParameters(SearchParameters, FieldsParameter, PartParameters):
    """Which products, in which order, and which part of them."""

    sort = serializers.ChoiceField(
        SORTS,
        required=False,
        help_text="`relevance`: all words in the title first, then the better rated; the default with `q`."
        " `rating`: better rated first. Default: by id.",
    )
    asins = CommaSeparatedField(
        child=AsinField(),
        max_items=MAX_ASINS,
        required=False,
        help_text="These products, in this order. Goes with `fields` only.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "asins" in attrs:
            allowed = {"asins", "fields", "skip", "limit", "search"}
            if attrs["search"] != ALL or attrs.keys() - allowed:
                raise serializers.ValidationError({"asins": ["This goes with fields only."]})
            return {name: attrs[name] for name in ("asins", "fields") if name in attrs}
        if "after" in attrs and not takes(attrs["search"], attrs["after"]):
            raise serializers.ValidationError({"after": [NOT_A_KEY]})
        return attrs

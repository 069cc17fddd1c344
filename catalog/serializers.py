"""The wire format of products. Serializers validate requests and format answers. They make no queries."""

from itertools import pairwise
from typing import Any

import orjson
from django.core.validators import URLValidator
from rest_framework import serializers

from catalog import orders, rules
from catalog.orders import Key
from catalog.search.facets import BANDS, FACETED, Facets
from catalog.served import ProductRow
from catalog.wire import IM_URL, IS_LISTED, SALES_RANK
from service.fields import BoundedDictField, BoundedListField, FlagField

MAX_SKIP = 100_000
MAX_LIMIT = 1000
MAX_ID = 2**63 - 1
NOT_A_KEY = "This did not end a page of the same list."


class AsinField(serializers.CharField):
    """A product's id, see ``rules.ASIN_RULE``. Refuses a JSON number, which may have lost leading zeros."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=rules.MAX_ASIN, **kwargs)
        self.validators.append(rules.asin_validator())

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class PictureField(serializers.URLField):
    """The URL of a picture, validated by the catalogue's rule instead of DRF's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=rules.MAX_URL, **kwargs)
        others = [each for each in self.validators if not isinstance(each, URLValidator)]
        self.validators = [*others, rules.PictureURLValidator()]


class RatingSerializer(serializers.Serializer[Any]):
    average = serializers.FloatField(allow_null=True, help_text="Stars, from 1 to 5; null without reviews.")
    count = serializers.IntegerField(help_text="Reviews.")


class ProductSerializer(serializers.Serializer[ProductRow]):
    """A product of the shop."""

    asin = AsinField(label="ASIN", help_text="The product's id. Cannot be changed.")
    title = serializers.CharField(max_length=rules.MAX_TITLE, required=False, allow_blank=True)
    description = serializers.CharField(
        max_length=rules.MAX_TEXT, required=False, allow_blank=True, style={"base_template": "textarea.html"}
    )
    imUrl = PictureField(
        label="Picture URL", source="im_url", required=False, allow_blank=True, help_text="URL of a picture."
    )
    related = BoundedDictField(
        child=BoundedListField(child=AsinField(), max_length=rules.MAX_LIST),
        max_length=rules.MAX_LIST,
        max_name=rules.MAX_NAME,
        required=False,
        help_text="Lists of asins by kind, such as also_bought.",
    )
    salesRank = BoundedDictField(
        label="Sales rank",
        source="sales_rank",
        child=serializers.IntegerField(min_value=0, max_value=rules.MAX_RANK),
        max_length=rules.MAX_LIST,
        max_name=rules.MAX_NAME,
        required=False,
        help_text="Rank by category.",
    )
    categories = BoundedListField(
        child=serializers.CharField(max_length=rules.MAX_NAME),
        max_length=rules.MAX_CATEGORIES,
        required=False,
        help_text="Widest first.",
    )
    brand = serializers.CharField(max_length=rules.MAX_NAME, required=False, allow_blank=True)
    price = serializers.DecimalField(
        max_digits=rules.PRICE_DIGITS,
        decimal_places=rules.PRICE_PLACES,
        min_value=0,
        required=False,
        allow_null=True,
        coerce_to_string=False,
    )
    listed = FlagField(source="is_listed", required=False, help_text="Whether lists, recommendations and ads show it.")
    in_stock = FlagField(required=False, help_text="Whether recommendations and ads show it.")
    rating = RatingSerializer(read_only=True)

    def to_representation(self, product: ProductRow) -> dict[str, Any]:
        # By hand, because DRF's loop over the fields takes most of the time of a page of products. JSON text goes into
        # the answer as it is.
        return {
            "asin": product.asin,
            "title": product.title,
            "description": product.description,
            IM_URL: product.im_url,
            "related": orjson.Fragment(product.related),
            SALES_RANK: orjson.Fragment(product.sales_rank),
            "categories": orjson.Fragment(product.categories),
            "brand": product.brand,
            "price": None if product.price is None else float(product.price),
            # SQLite has no booleans.
            IS_LISTED: bool(product.is_listed),
            "in_stock": bool(product.in_stock),
            "rating": {"average": product.rating, "count": product.review_count},
        }


class CountSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(help_text="Use it as the parameter.")
    count = serializers.IntegerField()


class PriceBandSerializer(serializers.Serializer[Any]):
    min_price = serializers.FloatField()
    max_price = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()


class StarsSerializer(serializers.Serializer[Any]):
    min_rating = serializers.IntegerField()
    count = serializers.IntegerField()


class FacetsSerializer(serializers.Serializer[Facets]):
    """The products that match, by category, brand, price and rating."""

    total = serializers.IntegerField(allow_null=True, help_text="Products; null if unknown.")
    total_is_exact = serializers.BooleanField()
    is_complete = serializers.BooleanField(help_text=f"False if only {FACETED} of the products were counted below.")
    categories = CountSerializer(many=True, help_text="Narrowest categories, the largest first.")
    brands = CountSerializer(many=True, help_text="The largest first.")
    prices = PriceBandSerializer(many=True)
    ratings = StarsSerializer(many=True, help_text="Each includes those above.")

    def to_representation(self, facets: Facets) -> dict[str, Any]:
        upper = dict(pairwise(BANDS))
        return {
            "total": facets.total and facets.total.number,
            "total_is_exact": bool(facets.total and facets.total.is_exact),
            "is_complete": facets.is_complete,
            "categories": [{"value": name, "count": count} for name, count in facets.categories],
            "brands": [{"value": name, "count": count} for name, count in facets.brands],
            "prices": [
                {"min_price": price, "max_price": upper[price] - 0.01 if price in upper else None, "count": count}
                for price, count in facets.prices
            ],
            "ratings": [{"min_rating": stars, "count": count} for stars, count in facets.ratings],
        }


class PartParameters(serializers.Serializer[Any]):
    """The requested part of a list."""

    skip = serializers.IntegerField(
        min_value=0, max_value=MAX_SKIP, default=0, help_text="Rows to skip. To go deeper, follow `Link`."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=100, help_text="Rows at most.")
    after = serializers.CharField(
        max_length=100,
        required=False,
        help_text="What ended the previous page; `Link` sets it. A page costs the same at any depth.",
    )

    def validate_after(self, text: str) -> Key:
        try:
            return orders.key_of(text)
        except ValueError:
            raise serializers.ValidationError(NOT_A_KEY) from None


class PathParameters(serializers.Serializer[Any]):
    asin = AsinField()

"""The wire format of ads, the same on both services: a product, who pays for it, and the URLs that count it."""

from typing import Any

import orjson
from rest_framework import serializers

from catalog.serializers import ProductSerializer
from catalog.served import ProductRow


class AdSerializer(ProductSerializer):
    """A product that is shown as an ad."""

    sponsored = serializers.BooleanField(help_text="False for a house ad, which nobody pays for.")
    ad_id = serializers.IntegerField(allow_null=True, help_text="Null for a house ad.")
    impression_url = serializers.URLField(
        allow_null=True,
        help_text="An image to show with the ad, once. Without it a click is not billed. Null for a house ad.",
    )
    click_url = serializers.URLField(
        allow_null=True, help_text="Leads to the product. Null for a default house ad, which is about the shop itself."
    )


_PRODUCT = ProductSerializer()


def as_ad(
    product: ProductRow,
    *,
    sponsored: bool = False,
    ad_id: int | None = None,
    impression_url: str | None = None,
    click_url: str | None = None,
) -> dict[str, Any]:
    """Return the ad as it goes out: a house ad unless it is ``sponsored``."""
    return {
        **_PRODUCT.to_representation(product),
        "categories": _names(orjson.loads(product.categories)),
        "sponsored": sponsored,
        "ad_id": ad_id,
        "impression_url": impression_url,
        "click_url": click_url,
    }


def _names(names: Any) -> list[str]:
    """Return a list of names whatever is stored: readers of ads refuse any other shape."""
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

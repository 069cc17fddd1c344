"""What search engines read on a product's page (schema.org)."""

from typing import Any

import orjson
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from catalog.served import ProductRow
from storefront import prices

# In a script element these could end it.
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def product_data(product: ProductRow, url: str) -> SafeString:
    """The product as JSON-LD, which may stand in a script element."""
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "productID": product.asin,
        "name": product.title,
        "url": url,
    }
    if product.description:
        data["description"] = product.description[:5000]
    if product.im_url:
        data["image"] = product.im_url
    if product.brand:
        data["brand"] = {"@type": "Brand", "name": product.brand}
    if product.rating:
        rating = {"ratingValue": product.rating, "reviewCount": product.review_count}
        data["aggregateRating"] = {"@type": "AggregateRating", **rating}
    if product.price is not None:
        available = "InStock" if product.in_stock else "OutOfStock"
        data["offers"] = {
            "@type": "Offer",
            "price": prices.plain(product.price),
            "priceCurrency": settings.CURRENCY,
            "availability": f"https://schema.org/{available}",
        }
    return mark_safe(orjson.dumps(data).decode().translate(_ESCAPES))  # noqa: S308

"""What the API's schema says of the catalogue's calls beyond the serializers."""

from drf_spectacular.utils import OpenApiParameter

from catalog import rules
from service.openapi import error, response_header

ASIN_IN_PATH = OpenApiParameter(
    "asin",
    {"type": "string", "pattern": rf"^{rules.ASIN_PATTERN}$".replace(r"\Z", "$")},
    OpenApiParameter.PATH,
    description="The product's id.",
)
LOCATION = [response_header("Location", "Where the new product is.", ["201"])]
NOT_FOUND = error("There is no such product.")
CONFLICT = error("There is one already.")
TOO_MANY_REVIEWS = error("It has too many reviews to delete them at once. `detail` names the command that does it.")

"""Parts of the API's schema that do not come from serializers."""

from drf_spectacular.utils import OpenApiParameter

from catalog import rules
from service.openapi import error, response_header

ASIN_IN_PATH = OpenApiParameter(
    "asin",
    {"type": "string", "pattern": rf"^{rules.ASIN_PATTERN}$".replace(r"\Z", "$")},
    OpenApiParameter.PATH,
    description="The product's id.",
)
ID_IN_PATH = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The review's id.")
LOCATION = [response_header("Location", "URL of the new product.", ["201"])]
NOT_FOUND = error("There is no such product.")
NO_REVIEW = error("There is no such review, or none that is published.")
VOTED = error("The user has voted for it already.")
CONFLICT = error("It exists already.")
TOO_MANY_REVIEWS = error("Too many reviews for one request. `detail` names the command that deletes the product.")

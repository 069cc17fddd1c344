"""What the API's schema says beyond the serializers: headers, errors and examples shared by many calls."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from resilience.provenance import SOURCES


def response_header(name: str, text: str, statuses: list[str], **more: object) -> OpenApiParameter:
    kind = OpenApiTypes.INT if name in ("Age", "Retry-After") else OpenApiTypes.STR
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, response=statuses, description=text, **more)  # type: ignore[arg-type]


DATA_SOURCE = [
    response_header("X-Data-Source", "Where the answer came from.", ["200"], enum=SOURCES),
    response_header("Age", "Seconds since the answer was live; set while it is stale.", ["200"]),
]
LINK = [response_header("Link", 'The next page, as `<…>; rel="next"`, while there is more.', ["200"])]
LOCATION = [response_header("Location", "Where the new product is.", ["201"])]
RETRY_AFTER = [response_header("Retry-After", "Seconds after which to try again.", ["503"])]
ASIN = OpenApiParameter(
    "asin",
    {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,32}$"},
    OpenApiParameter.PATH,
    description="The product's id.",
)

detail = inline_serializer("Error", {"detail": serializers.CharField(help_text="What is wrong, for people.")})
invalid = inline_serializer(
    "ValidationError",
    {
        "detail": serializers.CharField(required=False, help_text="What is wrong with the body as a whole."),
        "field": serializers.ListField(
            child=serializers.CharField(),
            required=False,
            help_text="Under each field's own name: what is wrong with it.",
        ),
    },
)
INVALID = OpenApiResponse(invalid, "A parameter or field cannot be used; each is named with the reason.")
BAD_TOKEN = OpenApiResponse(detail, "The token is not known. Without one, reading needs nobody.")
UNAUTHORIZED = OpenApiResponse(detail, "Nobody is signed in.")
FORBIDDEN = OpenApiResponse(detail, "Whoever is signed in may not do this.")
NOT_FOUND = OpenApiResponse(detail, "There is no such product.")
CONFLICT = OpenApiResponse(detail, "There is one already.")
NOT_ACCEPTABLE = OpenApiResponse(detail, "The answer is JSON or HTML, and Accept allows neither.")
TOO_LARGE = OpenApiResponse(detail, "The body is larger than 1 MB.")
UNSUPPORTED = OpenApiResponse(detail, "The body's media type is not understood.")
UNAVAILABLE = OpenApiResponse(detail, "The database is away. Nothing was changed.")

READ_ERRORS = {400: INVALID, 401: BAD_TOKEN, 406: NOT_ACCEPTABLE}
WRITE_ERRORS = {
    400: INVALID,
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    406: NOT_ACCEPTABLE,
    413: TOO_LARGE,
    415: UNSUPPORTED,
    503: UNAVAILABLE,
}
NO_SABOTAGE = OpenApiResponse(detail, "SABOTAGE is off.")

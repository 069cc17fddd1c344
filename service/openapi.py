"""What the API's schema says beyond the serializers: headers and errors shared by many calls."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from resilience import request_id
from resilience.provenance import SOURCES


def response_header(name: str, text: str, statuses: list[str], **more: object) -> OpenApiParameter:
    kind = OpenApiTypes.INT if name in ("Age", "Retry-After") else OpenApiTypes.STR
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, response=statuses, description=text, **more)  # type: ignore[arg-type]


DATA_SOURCE = [
    response_header("X-Data-Source", "Where the answer came from.", ["200"], enum=SOURCES),
    response_header("Age", "Seconds since the answer was live; set while it is stale.", ["200"]),
]
LINK = [response_header("Link", 'The next page, as `<…>; rel="next"`, while there is more.', ["200"])]
RETRY_AFTER = [response_header("Retry-After", "Seconds after which to try again.", ["503"])]

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
NOT_ACCEPTABLE = OpenApiResponse(detail, "The answer is JSON or HTML, and Accept allows neither.")
TOO_LARGE = OpenApiResponse(detail, "The body is larger than 1 MB.")
UNSUPPORTED = OpenApiResponse(detail, "The body's media type is not understood.")
UNAVAILABLE = OpenApiResponse(detail, "The database is away. The text says whether anything may have been changed.")

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


def error(text: str) -> OpenApiResponse:
    """An error whose body is ``{"detail": …}``."""
    return OpenApiResponse(detail, text)


_NAME = "RequestID"
_TEXT = "The id of this request, in the answer, the logs and the call to the ad provider."


def describe_request_id(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular postprocessing hook: the request id as a parameter of every call and a header of every answer."""
    components = result.setdefault("components", {})
    schema = {"type": "string", "pattern": request_id.SANE.pattern}
    components["headers"] = {_NAME: {"schema": schema, "description": _TEXT}}
    components["parameters"] = {
        _NAME: {
            "name": request_id.HEADER,
            "in": "header",
            "schema": schema,
            "description": "An id of your own for this request; one that does not fit is replaced.",
        }
    }
    for path in result["paths"].values():
        for operation in path.values():
            operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{_NAME}"})
            for response in operation["responses"].values():
                response.setdefault("headers", {})[request_id.HEADER] = {"$ref": f"#/components/headers/{_NAME}"}
    return result

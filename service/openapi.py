"""Headers and errors that many calls share in the API's schema."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from resilience import request_id
from resilience.provenance import SOURCES


def response_header(name: str, text: str, statuses: list[str], **more: object) -> OpenApiParameter:
    kind = OpenApiTypes.INT if name in ("Age", "Retry-After", "X-Total-Count") else OpenApiTypes.STR
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, response=statuses, description=text, **more)  # type: ignore[arg-type]


DATA_SOURCE = [
    response_header("X-Data-Source", "Whether the answer is live, stale or a default.", ["200"], enum=SOURCES),
    response_header("Age", "Age of a stale answer in seconds.", ["200"]),
]
SHARED = [
    *DATA_SOURCE,
    response_header("Cache-Control", "How long shared caches may keep the answer, if nobody is signed in.", ["200"]),
    response_header("ETag", "Names this answer. Send it in `If-None-Match`.", ["200", "304"]),
    OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The `ETag` of an answer you have."),
]
LINK = [response_header("Link", 'The next page, as `<…>; rel="next"`, while there is more.', ["200"])]
TOTAL_COUNT = [
    response_header("X-Total-Count", "The number of rows on all pages.", ["200"]),
    response_header("X-Total-Count-Estimated", "`true` if that is an estimate. Up to 1,000 are counted.", ["200"]),
]
RETRY_AFTER = [response_header("Retry-After", "Seconds to wait before another attempt.", ["503"])]

detail = inline_serializer("Error", {"detail": serializers.CharField(help_text="The error in words.")})


class ValidationErrorSerializer(serializers.Serializer[Any]):
    """The errors of each field under its name; of a list or an object, under the place within it."""


class _ValidationErrorSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = ValidationErrorSerializer

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        texts = {"type": "array", "items": {"type": "string"}}
        return {
            "type": "object",
            "description": ValidationErrorSerializer.__doc__,
            "properties": {"detail": {"type": "string", "description": "The error of the body as a whole."}},
            "additionalProperties": {"anyOf": [texts, {"type": "object", "additionalProperties": {}}]},
        }


INVALID = OpenApiResponse(
    ValidationErrorSerializer, "A parameter or field is invalid; the body names each one with the reason."
)
BAD_TOKEN = OpenApiResponse(detail, "The token is unknown. Reading needs no token.")
UNAUTHORIZED = OpenApiResponse(detail, "The caller is not signed in.")
FORBIDDEN = OpenApiResponse(detail, "The signed-in user lacks a permission.")
NOT_ACCEPTABLE = OpenApiResponse(detail, "`Accept` allows neither JSON nor HTML.")
TOO_LARGE = OpenApiResponse(detail, "The body is larger than 1 MB.")
UNSUPPORTED = OpenApiResponse(detail, "The media type of the body is not supported.")
UNAVAILABLE = OpenApiResponse(detail, "The database is unavailable. The text says whether anything may have changed.")

READ_ERRORS = {400: INVALID, 401: BAD_TOKEN, 406: NOT_ACCEPTABLE}
SHARED_READ = {304: OpenApiResponse(description="The answer is the one that you have."), **READ_ERRORS}
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


def require_what_answers_have(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular postprocessing hook: an answer has all fields, also those that a request may omit."""
    for name, schema in result["components"]["schemas"].items():
        # COMPONENT_SPLIT_REQUEST names those of requests; an object with further properties has none for sure.
        if "properties" in schema and "additionalProperties" not in schema and not name.endswith("Request"):
            schema["required"] = sorted(schema["properties"])
    return result


_NAME = "RequestID"
_TEXT = "The id of this request, which the logs and the call to the ad provider carry too."


def describe_request_id(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular postprocessing hook: add the request id as a parameter and a response header of every call."""
    components = result.setdefault("components", {})
    schema = {"type": "string", "pattern": request_id.SANE.pattern}
    components["headers"] = {_NAME: {"schema": schema, "description": _TEXT}}
    components["parameters"] = {
        _NAME: {
            "name": request_id.HEADER,
            "in": "header",
            "schema": schema,
            "description": "Your own id for this request; an invalid one is replaced.",
        }
    }
    for path in result["paths"].values():
        for operation in path.values():
            operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{_NAME}"})
            for response in operation["responses"].values():
                response.setdefault("headers", {})[request_id.HEADER] = {"$ref": f"#/components/headers/{_NAME}"}
    return result

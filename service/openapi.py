"""What the API's schema says of every call alike."""

from typing import Any

from service import request_id

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

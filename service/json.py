"""JSON in and out by orjson, and the browsable pages around it."""

from typing import Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

from resilience import provenance

MAX_DEPTH = 20  # a product has three levels


class OrjsonRenderer(JSONRenderer):
    """DRF's JSONRenderer in a fifth of the time; indents for the browsable pages."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        indent = self.get_indent(accepted_media_type or "", renderer_context or {})
        # Errors of a list's items come under the items' numbers, so a key need not be text.
        compact = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
        # What was JSON text before is put in as it is, so only what is read again can be indented throughout.
        return orjson.dumps(orjson.loads(compact), option=orjson.OPT_INDENT_2) if indent else compact


class PlainNegotiation(DefaultContentNegotiation):
    """DRF's negotiation, with a short cut for programs, which ask for JSON or for anything."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        accept = request.META.get("HTTP_ACCEPT", "*/*")
        if accept in ("*/*", "application/json") and "format" not in request.META.get("QUERY_STRING", ""):
            return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)


class BrowsableRenderer(BrowsableAPIRenderer):
    """The browsable API under the service's own name."""

    def get_context(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(*args, **kwargs)
        context["service"] = settings.SPECTACULAR_SETTINGS["TITLE"]
        # The page shows the response's headers; these would come too late for it.
        context["response_headers"] |= provenance.headers()
        return context

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        # DRF's would query outside of the breaker, and there is nothing to filter.
        return None


class BoundedJSONParser(JSONParser):
    """Strict JSON. What is nested deeper than MAX_DEPTH, is not UTF-8 or not JSON is a 400."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            parsed = orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"JSON parse error - {error}") from error
        # orjson takes a thousand levels, and those who read or print the result one at a time run out of stack.
        if _is_deeper_than(MAX_DEPTH, parsed):
            raise ParseError(f"JSON parse error - nested deeper than {MAX_DEPTH} levels")
        return parsed


def _is_deeper_than(levels: int, value: Any) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper_than(levels - 1, each) for each in value)

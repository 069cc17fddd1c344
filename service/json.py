"""JSON parsing and rendering with orjson, and the browsable API."""

import re
from typing import Any, cast

import orjson
from django.conf import settings
from django.utils.safestring import mark_safe
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BrowsableAPIRenderer, HTMLFormRenderer, JSONRenderer

from resilience import provenance

UNFIT_FOR_FORMS = (serializers.ListField, serializers.DictField)
MAX_DEPTH = 20  # levels; a product has three
MAX_BRACKETS = 10_000  # opening ones, including those in texts; each costs as much time as a hundred other characters


class OrjsonRenderer(JSONRenderer):
    """DRF's JSONRenderer in a fifth of the time. It indents for the browsable API."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        indent = self.get_indent(accepted_media_type or "", renderer_context or {})
        # Keys may be numbers: errors of a list's items come under their positions.
        compact = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
        # Fields that are JSON text already go in as they are; only parsing everything again indents them too.
        return orjson.dumps(orjson.loads(compact), option=orjson.OPT_INDENT_2) if indent else compact


class PlainNegotiation(DefaultContentNegotiation):
    """DRF's negotiation, with a short cut for clients that accept JSON or anything."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        accept = request.META.get("HTTP_ACCEPT", "*/*")
        if accept in ("*/*", "application/json") and "format" not in request.META.get("QUERY_STRING", ""):
            return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)


class LabelledFormRenderer(HTMLFormRenderer):
    """DRF's forms, but labels belong to their inputs, and lists and objects, which a form cannot hold, are left out."""

    def render_field(self, field: Any, parent_style: Any) -> str:
        if isinstance(field._field, UNFIT_FOR_FORMS):
            return ""
        shown = super().render_field(field, parent_style)
        named = re.sub("<label ", f'<label for="field-{field.name}" ', shown, count=1)
        # Safe, because DRF's template is and names of fields are ours.
        return mark_safe(re.sub("<(input|textarea|select) ", rf'<\1 id="field-{field.name}" ', named, count=1))  # noqa: S308


class BrowsableRenderer(BrowsableAPIRenderer):
    """The browsable API with the service's name."""

    form_renderer_class = LabelledFormRenderer

    def render_form_for_serializer(self, serializer: Any) -> str | None:
        fields = getattr(serializer, "fields", {}).values()
        if any(each.required and isinstance(each, UNFIT_FOR_FORMS) for each in fields):
            return None  # such a form would never be valid; raw data remains
        return cast("str | None", super().render_form_for_serializer(serializer))

    def render(self, *args: Any, **kwargs: Any) -> str:
        page: str = super().render(*args, **kwargs)
        return page.replace("<html>", '<html lang="en">', 1)  # DRF's template has no block for it

    def get_context(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(*args, **kwargs)
        context["service"] = settings.SPECTACULAR_SETTINGS["TITLE"]
        # The page shows the response's headers, but the middleware sets these only after rendering.
        context["response_headers"] |= provenance.headers()
        return context

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        # There is nothing to filter, and DRF's form would query the database.
        return None


class BoundedJSONParser(JSONParser):
    """Strict JSON. A body that is not UTF-8, not JSON, nested deeper than MAX_DEPTH or has more than MAX_BRACKETS is a
    400."""

    renderer_class = OrjsonRenderer  # fills in the forms of the browsable pages

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read()
        if body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
            raise ParseError(f"JSON parse error - more than {MAX_BRACKETS} opening brackets")
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"JSON parse error - {error}") from error
        # orjson accepts a thousand levels, on which recursive code would overflow the stack.
        if is_deeper_than(MAX_DEPTH, parsed):
            raise ParseError(f"JSON parse error - nested deeper than {MAX_DEPTH} levels")
        return parsed


def is_deeper_than(levels: int, value: Any) -> bool:
    """Whether ``value`` is lists or objects nested in each other more than ``levels`` deep."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(is_deeper_than(levels - 1, each) for each in value if type(each) in (dict, list))

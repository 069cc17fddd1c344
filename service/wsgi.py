"""The WSGI application: Django's, with requests that no header can break or slow down."""

import codecs
from functools import cached_property
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

# Charsets of forms, by the names of Python's codecs. Others, such as hex or punycode, are no charsets or do not replace
# what they cannot decode.
CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})
# Backslashes in a Cookie header. Before Python 3.11.10 their time grows with their square (CVE-2024-7592).
MAX_ESCAPES = 1000


class Request(WSGIRequest):
    """A request that can be made from any headers."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except (LookupError, ValueError):  # parameters in RFC 2231's encoding that cannot be decoded
            meta["CONTENT_TYPE"] = "application/octet-stream"
            super()._set_content_type_params(meta)  # type: ignore[misc]
        if self.encoding and codecs.lookup(self.encoding).name not in CHARSETS:
            self._encoding = None  # the default, UTF-8

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override]
        """The cookies, none if the header has too many backslashes."""
        if self.environ.get("HTTP_COOKIE", "").count("\\") > MAX_ESCAPES:
            return {}
        return WSGIRequest.COOKIES.func(self)  # type: ignore[attr-defined,no-any-return]


class Handler(WSGIHandler):
    request_class = Request


def get_wsgi_application() -> WSGIHandler:
    django.setup(set_prefix=False)
    return Handler()

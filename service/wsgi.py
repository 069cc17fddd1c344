"""The WSGI application: Django's, with requests that no header can break or slow down."""

import codecs
from functools import cached_property
from io import BytesIO
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries

from service import metrics_files, observability

# Charsets of forms, by the names of Python's codecs. Others, such as hex or punycode, are no charsets or do not replace
# what they cannot decode.
CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})
# Backslashes in a Cookie header. Before Python 3.11.10 their time grows with their square (CVE-2024-7592).
MAX_ESCAPES = 1000
# Characters of an Accept header. A browser sends 150; Django compares each of its types with each of ours.
MAX_ACCEPT = 1000
# Parts of a multipart body, a tenth of a millisecond each. The forms that send one have a dozen fields.
MAX_PARTS = 200


class Request(WSGIRequest):
    """A request that can be made from any headers."""

    def __init__(self, environ: dict[str, Any]) -> None:
        if len(environ.get("HTTP_ACCEPT", "")) > MAX_ACCEPT:
            del environ["HTTP_ACCEPT"]  # a server may ignore it (RFC 9110, 12.5.1)
        super().__init__(environ)

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

    def parse_file_upload(self, META: Any, post_data: Any) -> Any:
        """Refuse too many parts before Django parses them: it counts only those that have a name."""
        boundary = f"--{self.content_params.get('boundary', '')}".encode()  # type: ignore[union-attr]
        if self.body.count(boundary) > MAX_PARTS + 1:  # the last one ends the body
            raise TooManyFieldsSent(f"The body has more than {MAX_PARTS} parts.")
        return super().parse_file_upload(META, BytesIO(self.body))


class Handler(WSGIHandler):
    request_class = Request


def get_wsgi_application() -> WSGIHandler:
    metrics_files.install()
    django.setup(set_prefix=False)
    observability.start()
    # Django closes old connections after each request too, and our backend checks each one before use.
    request_started.disconnect(close_old_connections)
    if not settings.DEBUG:
        request_started.disconnect(reset_queries)  # nothing is logged
    return Handler()

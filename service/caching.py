"""What caches may keep (RFC 9111 and 5861), 304 for clients that have the answer already, and compression."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from isal import igzip
from rest_framework.request import Request
from rest_framework.response import Response

from resilience import provenance

# A shared cache keeps an answer for a second, and may show it for a day if we fail. It may show a live one while it
# fetches the next. A stale or default answer replaces the live one there, so it has to serve if we fail as well.
LIVE = "s-maxage=1, stale-while-revalidate=10, stale-if-error=86400"
FALLBACK = "s-maxage=1, stale-if-error=86400"
MISSING = "s-maxage=1"
NEVER = "private, no-store"

READS = ("GET", "HEAD")
MIN_COMPRESSED = 1000  # bytes
_LEVEL = 1  # a list of 200 kB becomes 77 kB in a millisecond; zlib's default of 6 makes 65 kB in nine
_REFUSED = re.compile(r"\s*q=0(\.0*)?\s*(;|$)", re.IGNORECASE)


class SharedReads:
    """Mixin before a DRF view. Lets shared caches keep its JSON answers to anonymous reads."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Set Cache-Control and Vary."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        is_read = request.method in READS and response.status_code in (200, 404)
        if is_read and response.accepted_renderer.format == "json":
            patch_vary_headers(response, ["Authorization", "Cookie"])
            if not _has_credentials(request):
                response["Cache-Control"] = _cache_control(response)
        return response


def _cache_control(response: Response) -> str:
    if response.status_code == 404:
        return MISSING
    return LIVE if provenance.headers().get("X-Data-Source") == "live" else FALLBACK


def _has_credentials(request: Request) -> bool:
    # An empty one signs nobody in, and a cache in front cannot tell it from none.
    return bool(request.META.get("HTTP_AUTHORIZATION") or request.COOKIES.get(settings.SESSION_COOKIE_NAME))


class CacheMiddleware:
    """Sets ``private, no-store`` where a view sets no Cache-Control, answers 304, and compresses long bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", NEVER)
        if response.streaming:
            return response
        is_long = len(response.content) > MIN_COMPRESSED and not response.has_header("Content-Encoding")
        if is_long:
            patch_vary_headers(response, ["Accept-Encoding"])
        is_read = request.method in READS and response.status_code == 200
        if is_read and "no-store" not in response["Cache-Control"]:
            # Weak, because it names the compressed body too.
            etag = response["ETag"] = f'W/"{hashlib.sha256(response.content).hexdigest()[:32]}"'
            conditional = get_conditional_response(request, etag=etag, response=response)
            if conditional and conditional is not response:
                conditional.headers.setdefault("Cache-Control", NEVER)  # a 412
                return conditional
        if is_long and _accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            # No other site can guess by the sizes what is in the pages of a signed-in user (BREACH): session cookies
            # are SameSite=Lax, and Django masks CSRF tokens.
            response.content = igzip.compress(response.content, _LEVEL, mtime=0)
            response["Content-Encoding"] = "gzip"
            response["Content-Length"] = str(len(response.content))
        return response


def _accepts_gzip(accepted: str) -> bool:
    for each in accepted.split(","):
        coding, _, quality = each.partition(";")
        if coding.strip().lower() == "gzip":
            return not _REFUSED.match(quality)
    return False

"""Serves the pictures of the demo shop."""

import re

from django.http import Http404, HttpRequest, HttpResponse

from catalog.demo import pictures

_NAME = re.compile(r"([a-z]+)-(grey|[0-9]{1,3})")


def picture(request: HttpRequest, name: str) -> HttpResponse:
    """``<kind>-<hue>`` or ``<kind>-grey`` as SVG; 404 for an unknown kind or hue. Needs no database."""
    found = _NAME.fullmatch(name)
    hue = None if not found or found[2] == "grey" else int(found[2])
    if not found or found[1] not in pictures.KINDS or (hue or 0) > 359:
        raise Http404
    response = HttpResponse(pictures.draw(found[1], hue), content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response

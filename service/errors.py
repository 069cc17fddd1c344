"""Answers for the time when something behind the service is away."""

import math
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from rest_framework.exceptions import ParseError
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from resilience.errors import DependencyUnavailable


def _detail(error: DependencyUnavailable) -> dict[str, str]:
    return {"detail": f"The {error.breaker} is unavailable. Nothing was changed. Try again later."}


def _headers(error: DependencyUnavailable) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(error.retry_after))}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler; 503 with Retry-After where a dependency is away, 400 for more fields than Django takes."""
    if isinstance(error, DependencyUnavailable):
        return Response(_detail(error), status=503, headers=_headers(error))
    if isinstance(error, SuspiciousOperation):
        error = ParseError("There are too many parameters, fields or files.")
    return drf_exception_handler(error, context)


def unavailable(request: HttpRequest, error: DependencyUnavailable) -> HttpResponse:
    """The same for pages: a friendly 503 for people, JSON for programs."""
    if request.accepts("text/html"):
        context = {"dependency": error.breaker, "retry_after": math.ceil(error.retry_after)}
        # No request in the context: its processors would ask the database who is signed in.
        page = render_to_string("service/503.html", context)
        return HttpResponse(page, status=503, headers=_headers(error))
    return JsonResponse(_detail(error), status=503, headers=_headers(error))

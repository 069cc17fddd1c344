"""Error responses: JSON for programs, pages for people."""

import math
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import ParseError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from resilience import breakers, request_id
from resilience.causes import SABOTAGE, cause_of
from resilience.circuit import ELSEWHERE
from resilience.database import InDoubt
from resilience.errors import CallFailed, DependencyUnavailable, TooManyCalls

SWITCHED_OFF = "switched off by an operator"
REWORDED = {
    "force-open": SWITCHED_OFF,
    ELSEWHERE: "another process found it down",
    SABOTAGE: "somebody made a call fail on purpose",
}
TOO_MANY = "There are too many parameters, fields or files."


def detail_of(error: DependencyUnavailable) -> str:
    """What a user should know about a call that failed or was rejected."""
    return _detail(error, _is_in_doubt(error))


def _detail(error: DependencyUnavailable, is_in_doubt: bool) -> str:
    done = "The change may or may not have been made." if is_in_doubt else "Nothing was changed."
    return f"The {error.breaker} is unavailable. {done} Try again later."


def _is_in_doubt(error: DependencyUnavailable) -> bool:
    return isinstance(error.__cause__, InDoubt)


def headers_of(error: DependencyUnavailable) -> dict[str, str]:
    """The headers of its 503."""
    return {"Retry-After": str(math.ceil(error.retry_after))}


def _cause(error: DependencyUnavailable) -> str:
    """Why the call failed or was rejected, in words that are safe to publish."""
    if isinstance(error, TooManyCalls):
        return "too many calls at once"
    breaker = breakers.get(error.breaker)
    if isinstance(error, CallFailed) and error.__cause__:
        return cause_of(error.__cause__, breaker.deadline)
    opened = next((event["cause"] for event in breaker.events() if event["to_state"] == "open"), "")
    return REWORDED.get(opened, opened)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler, plus 503 with Retry-After if a dependency is down and 400 for more fields than Django accepts."""
    if isinstance(error, DependencyUnavailable):
        return Response({"detail": detail_of(error)}, status=503, headers=headers_of(error))
    if isinstance(error, SuspiciousOperation):
        error = ParseError(TOO_MANY)
    return drf_exception_handler(error, context)


def unavailable(request: HttpRequest, error: DependencyUnavailable) -> HttpResponse:
    """The 503 for views that are not DRF's: a page for people, JSON for programs."""
    # Such a view may have committed a part of its writes before the call failed.
    is_in_doubt = _is_in_doubt(error) or (isinstance(error, CallFailed) and request.method not in SAFE_METHODS)
    cause = _cause(error)
    context = {
        "dependency": error.breaker,
        "cause": cause,
        "is_switched_off": cause == SWITCHED_OFF,
        "is_in_doubt": is_in_doubt,
        "retry_after": math.ceil(error.retry_after),
    }
    answer = _answer(request, 503, "service/503.html", context, {"detail": _detail(error, is_in_doubt)})
    for name, value in headers_of(error).items():
        answer[name] = value
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400. Django's own renders a CSRF token, which parses the body that may be the cause."""
    if isinstance(exception, MultiPartParserError):
        return refuse(request, 400, f"Multipart form parse error - {exception}")
    return refuse(request, 400, "This request is not valid.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return refuse(request, 403, "You are not allowed to do this.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    return refuse(request, 403, f"CSRF Failed: {reason} Reload the page and send the form again.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return refuse(request, 404, "This page does not exist.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return refuse(request, 500, f"The service failed. Its log has the details under request id {request_id.current()}.")


def refuse(request: HttpRequest, status: int, text: str, body: dict[str, Any] | None = None) -> HttpResponse:
    """An error with ``text`` for people, and ``body`` for programs, which defaults to ``text`` as the detail."""
    return _answer(request, status, "service/error.html", {"text": text}, body or {"detail": text})


def _answer(
    request: HttpRequest, status: int, template: str, context: dict[str, Any], body: dict[str, Any]
) -> HttpResponse:
    response: HttpResponse
    try:
        # JSON first: a client that accepts anything, as curl does, is a program.
        preferred = request.get_preferred_type(["application/json", "text/html"])
    except (LookupError, ValueError):  # an Accept header that cannot be parsed
        preferred = None
    if preferred == "text/html":
        # Without the request: its context processors would query the database for the user.
        response = HttpResponse(render_to_string(template, context), status=status)
    else:
        response = JsonResponse(body, status=status)
    patch_vary_headers(response, ["Accept"])
    return response

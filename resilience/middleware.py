"""What a request needs around its protected calls, and the 503 if it cannot do without one."""

import math
from collections.abc import Callable
from contextlib import ExitStack

from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from resilience import breakers, provenance, request_id, scope
from resilience.conf import conf
from resilience.errors import DependencyUnavailable

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ResilienceMiddleware:
    """Adds X-Request-ID, X-Data-Source and Age to each response. Place it first, so that every response has them.

    Writes, their sign-in and permission checks included, may use the reserved permits: they have no fallback.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        current = request_id.begin(request.headers.get(request_id.HEADER))
        origin = provenance.begin()
        with ExitStack() as stack:
            if request.path_info.startswith(tuple(conf.BREAKER_OVERRIDE_PATHS)):
                for breaker in breakers.all_breakers():
                    if breaker.forced:  # otherwise nobody could sign in to reset it
                        stack.enter_context(scope.bypass(breaker.name))
            if request.method not in SAFE_METHODS:
                stack.enter_context(scope.reserve())
            response = self.get_response(request)
        for name, value in {request_id.HEADER: current, **origin.headers()}.items():
            response[name] = value
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return _unavailable(request, exception) if isinstance(exception, DependencyUnavailable) else None


class SessionMiddleware(sessions.SessionMiddleware):
    """Django's, which saves a changed session after the view: 503 if the database is down by then."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except DependencyUnavailable as error:
            return _unavailable(request, error)


def _unavailable(request: HttpRequest, error: DependencyUnavailable) -> HttpResponse:
    response: HttpResponse = import_string(conf.BREAKER_UNAVAILABLE_VIEW)(request, error)
    return response


def unavailable(request: HttpRequest, error: DependencyUnavailable) -> HttpResponse:
    """The default of BREAKER_UNAVAILABLE_VIEW: a plain 503 with Retry-After."""
    text = f"The {error.breaker} is unavailable."
    retry_after = {"Retry-After": str(math.ceil(error.retry_after))}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", status=503, headers=retry_after)

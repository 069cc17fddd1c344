"""What happens to every request of both services, outermost first as listed in the settings."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.urls import is_valid_path, resolve
from rest_framework.permissions import SAFE_METHODS

from resilience import breakers, bulkhead, provenance, request_id
from resilience.errors import DependencyUnavailable
from service import errors, metrics

GetResponse = Callable[[HttpRequest], HttpResponse]

PROBES = frozenset({"/livez", "/readyz", "/metrics"})
OVERRIDE_PATHS = ("/accounts/", "/breakers/")


class TelemetryMiddleware:
    """Gives each request an id, the caller's own if it is sane; says it and the source in the answer; counts and times
    it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        current = request_id.begin(request.headers.get(request_id.HEADER))
        origin = provenance.begin()
        response = self.get_response(request)
        for name, value in {request_id.HEADER: current, **origin.headers()}.items():
            response[name] = value
        match = request.resolver_match
        view = match.view_name if match else "unmatched"
        metrics.observe(view, request.method, response.status_code, time.perf_counter() - started)
        return response


class ContentSecurityPolicyMiddleware:
    """Sends ``settings.SECURE_CSP``, shaped as in Django 6, with every answer that has no policy of its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._policy = "; ".join(" ".join([name, *sources]) for name, sources in settings.SECURE_CSP.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not (settings.DEBUG and response.status_code >= 400):  # Django's own pages for developers have scripts
            response.headers.setdefault("Content-Security-Policy", self._policy)
        return response


class IntakeMiddleware:
    """Decides what needs no view: probes, bodies that are too large, NUL characters, and a trailing slash."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.removesuffix("/") in PROBES:
            return self._probe(request)
        if refusal := _refused_length(request) or _refused_null(request):
            return refusal
        path = request.path_info
        # /products/ answers as /products does, without a redirect that would lose a POST.
        if path.endswith("/") and path != "/" and not is_valid_path(path) and is_valid_path(path[:-1]):
            request.path_info = path[:-1]
        return self.get_response(request)

    def _probe(self, request: HttpRequest) -> HttpResponse:
        """Answer whatever the Host header says: orchestrators send the address of the container."""
        request.resolver_match = resolve(request.path_info.removesuffix("/"))
        response: HttpResponse = request.resolver_match.func(request)
        return response.render() if hasattr(response, "render") else response


def _refused_length(request: HttpRequest) -> HttpResponse | None:
    """The refusal of a body over the limit, before anybody reads it; DRF's parsers have no limit of their own."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()):
        return errors.refuse(request, 400, "The Content-Length is not a number of bytes.")
    if len(length) > 18 or int(length) > limit:  # Python refuses to parse thousands of digits
        return errors.refuse(request, 413, f"The body is larger than {limit} bytes.")
    return None


def _refused_null(request: HttpRequest) -> HttpResponse | None:
    """The refusal of NUL in parameters and form fields: PostgreSQL has no such text, and the admin does not check."""
    try:
        name = _name_with_null(request.GET) or _name_with_null(request.POST)
    except SuspiciousOperation:
        return errors.refuse(request, 400, errors.TOO_MANY)
    except UnreadablePostError:
        return errors.refuse(request, 400, "The body did not arrive.")
    if name is None:
        return None
    text = "Null characters are not allowed."
    return errors.refuse(request, 400, text, {"detail": text} if "\0" in name else {name: [text]})


def _name_with_null(fields: QueryDict) -> str | None:
    """The name of the first field that has a NUL, be it in the name itself."""
    return next((name for name, values in fields.lists() if "\0" in name or any("\0" in each for each in values)), None)


class DependencyMiddleware:
    """Sets what the protected calls of a request may do, and answers 503 if the view cannot do without one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        database = breakers.get(breakers.DATABASE)
        with ExitStack() as stack:
            if database.forced and request.path_info.startswith(OVERRIDE_PATHS):
                stack.enter_context(database.bypass())  # else nobody could sign in to reset a circuit forced open
            if request.method not in SAFE_METHODS:
                stack.enter_context(bulkhead.reserve())  # what has no fallback, its sign-in and permissions included
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DependencyUnavailable):
            return errors.unavailable(request, exception)
        return None


class SavedSessionMiddleware(SessionMiddleware):
    """Django's, which saves a changed session after the view; where the database has just gone, with a friendly 503."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except DependencyUnavailable as error:
            return errors.unavailable(request, error)

"""What happens to every request of both services, outermost first as listed in the settings."""

import time
from collections.abc import Callable
from typing import Any

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

# URL namespaces whose views use the database as they please; each request to one is a protected call as a whole.
DATABASE_PAGES = {"admin", "rest_framework"}
STEERING_PATHS = ("/accounts/", "/breakers/")


class RequestIdMiddleware:
    """Gives each request an id, the caller's own if it is sane, and says it in the answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        current = request_id.begin(request.headers.get(request_id.HEADER))
        response = self.get_response(request)
        response[request_id.HEADER] = current
        return response


class MetricsMiddleware:
    """Counts and times each request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
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


class ProbesMiddleware:
    """Answers probes and scrapes whatever the Host header says: orchestrators send the address of the container."""

    PATHS = frozenset({"/livez", "/readyz", "/metrics"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info.removesuffix("/")
        if path not in self.PATHS:
            return self.get_response(request)
        request.resolver_match = resolve(path)
        response: HttpResponse = request.resolver_match.func(request)
        return response.render() if hasattr(response, "render") else response


class BodySizeMiddleware:
    """Refuses a body over the limit before anybody reads it; DRF's parsers have no limit of their own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdecimal()):
            return errors.refuse(request, 400, "The Content-Length is not a number of bytes.")
        if len(length) > 18 or int(length) > limit:  # Python refuses to parse thousands of digits
            return errors.refuse(request, 413, f"The body is larger than {limit} bytes.")
        return self.get_response(request)


class NullCharactersMiddleware:
    """Refuses NUL in query parameters and form fields: PostgreSQL has no such text, and the admin does not check."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            name = _name_with_null(request.GET) or _name_with_null(request.POST)
        except SuspiciousOperation:
            return errors.refuse(request, 400, errors.TOO_MANY)
        except UnreadablePostError:
            return errors.refuse(request, 400, "The body did not arrive.")
        if name is None:
            return self.get_response(request)
        text = "Null characters are not allowed."
        return errors.refuse(request, 400, text, {"detail": text} if "\0" in name else {name: [text]})


def _name_with_null(fields: QueryDict) -> str | None:
    """The name of the first field that has a NUL, be it in the name itself."""
    return next((name for name, values in fields.lists() if "\0" in name or any("\0" in each for each in values)), None)


class OptionalTrailingSlashMiddleware:
    """Lets ``/products/`` answer as ``/products`` does, without a redirect that would lose a POST."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.endswith("/") and path != "/" and not is_valid_path(path) and is_valid_path(path[:-1]):
            request.path_info = path[:-1]
        return self.get_response(request)


class SavedSessionMiddleware(SessionMiddleware):
    """Django's, which saves a changed session after the view; where the database has just gone, with a friendly 503."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except DependencyUnavailable as error:
            return errors.unavailable(request, error)


class SteeringMiddleware:
    """Lets those who sign in or steer be recognised even while the database's circuit is forced open: else nobody could
    ever reset it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        database = breakers.get(breakers.DATABASE)
        if database.forced and request.path_info.startswith(STEERING_PATHS):
            with database.past():
                return self.get_response(request)
        return self.get_response(request)


class WriteReserveMiddleware:
    """Lets a write use the places that are reserved for what has no fallback, its sign-in and permissions included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS:
            return self.get_response(request)
        with bulkhead.reserve():
            return self.get_response(request)


class DataSourceMiddleware:
    """Says where the answer came from."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = provenance.begin()
        response = self.get_response(request)
        for name, value in origin.headers().items():
            response[name] = value
        return response


class DatabasePagesMiddleware:
    """Calls the views of the admin and of signing in through the database breaker, with a friendly 503 page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if request.resolver_match is None or request.resolver_match.namespace not in DATABASE_PAGES:
            return None

        def page() -> HttpResponse:
            response: HttpResponse = view(request, *args, **kwargs)
            # A template response queries while it renders, so it has to do that in here.
            return response.render() if hasattr(response, "render") else response

        try:
            # Many queries make a page. Each has its own deadline, and there is none for all of them.
            return breakers.get(breakers.DATABASE).call_without_deadline(page)
        except DependencyUnavailable as error:
            return errors.unavailable(request, error)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DependencyUnavailable):
            return errors.unavailable(request, exception)
        return None

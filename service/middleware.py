"""The middleware of both services, in the order of the settings: outermost first."""

import time
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.urls import is_valid_path, resolve

from service import errors, metrics

GetResponse = Callable[[HttpRequest], HttpResponse]

PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class MetricsMiddleware:
    """Counts and times each request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        metrics.observe(_view_of(request), request.method, response.status_code, time.perf_counter() - started)
        return response


def _view_of(request: HttpRequest) -> str:
    """The name of the view that answered. WhiteNoise answers for static files before a view is looked for."""
    if match := request.resolver_match:
        return match.view_name
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "unmatched"


def policy_of(sources: Mapping[str, Iterable[str]]) -> str:
    """The header for a policy in the format of ``settings.SECURE_CSP``."""
    return "; ".join(" ".join([name, *allowed]) for name, allowed in sources.items())


class ContentSecurityPolicyMiddleware:
    """Adds ``settings.SECURE_CSP``, in the format of Django 6, to every response without a policy of its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._policy = policy_of(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not (settings.DEBUG and response.status_code >= 400):  # Django's debug pages have inline scripts
            response.headers.setdefault("Content-Security-Policy", self._policy)
        return response


class IntakeMiddleware:
    """Answers health checks, refuses large bodies and NUL characters, and drops a trailing slash from the path."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.removesuffix("/") in PROBES:
            return self._probe(request)
        if refusal := _refused_length(request) or _refused_null(request):
            return refusal
        path = request.path_info
        # Serve /products/ as /products. A redirect would lose the body of a POST.
        if path.endswith("/") and path != "/" and not is_valid_path(path) and is_valid_path(path[:-1]):
            request.path_info = path[:-1]
        return self.get_response(request)

    def _probe(self, request: HttpRequest) -> HttpResponse:
        """Answer with any Host header: orchestrators send the address of the container."""
        request.resolver_match = resolve(request.path_info.removesuffix("/"))
        response: HttpResponse = request.resolver_match.func(request)
        return response.render() if hasattr(response, "render") else response


def _refused_length(request: HttpRequest) -> HttpResponse | None:
    """Refuse a body over the limit before it is parsed. DRF's parsers have no limit of their own."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()):
        return errors.refuse(request, 400, "The Content-Length is not a number of bytes.")
    if len(length) > 18 or int(length) > limit:  # Python refuses to parse thousands of digits
        return errors.refuse(request, 413, f"The body is larger than {limit} bytes.")
    return None


def _refused_null(request: HttpRequest) -> HttpResponse | None:
    """Refuse NUL in parameters and form fields: PostgreSQL's text has no NUL, and the admin does not check."""
    if request.method == "GET" and not request.META.get("QUERY_STRING"):
        return None
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
    """The name of the first field with a NUL in its name or values."""
    return next((name for name, values in fields.lists() if "\0" in name or any("\0" in each for each in values)), None)

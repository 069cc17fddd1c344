"""Health, metrics and the state of the breakers, for both services. None of these views needs the database."""

import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from resilience.breaker import Breaker
from resilience.breakers import all_breakers
from resilience.circuit import ACTIONS
from service import all_workers, metrics, openapi
from service.permissions import PermittedOrReadOnly

_ICON = (Path(__file__).parent / "static/service/favicon.svg").read_bytes()
BREAKER_NAME = OpenApiParameter("name", str, OpenApiParameter.PATH, description="As in the list of breakers.")
NO_BREAKER = openapi.error("There is no such breaker.")


class LastErrorSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="Name of the exception; its message is in the log.")
    cause = serializers.CharField(help_text="The cause in words, such as `connection refused`.")
    time = serializers.DateTimeField()


class AnswersSerializer(serializers.Serializer[Any]):
    live = serializers.IntegerField()
    stale = serializers.IntegerField()
    default = serializers.IntegerField()


class StandbySerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["file", "replica"])
    age = serializers.FloatField(allow_null=True, help_text="Seconds since its data were true; null if unknown.")


class BreakerSerializer(serializers.Serializer[Breaker]):
    """One circuit breaker, in the worker process that answers."""

    name = serializers.CharField()
    state = serializers.ChoiceField(["closed", "open", "half-open"])
    fail_max = serializers.IntegerField(help_text="Consecutive failures that open it.")
    reset_timeout = serializers.FloatField(help_text="Seconds for which it stays open before a probe.")
    failures = serializers.IntegerField(help_text="Consecutive failures so far.")
    retry_after = serializers.FloatField(
        allow_null=True,
        help_text="Seconds until the next probe; 0 if a call may be made now, null if forced open.",
    )
    last_error = LastErrorSerializer(allow_null=True)
    forced = serializers.ChoiceField(
        ["force-open", "force-close"], allow_null=True, help_text="The operator's override, if there is one."
    )
    answers = AnswersSerializer(help_text="Answers to readers since this process started, by source.")
    standby = StandbySerializer(
        allow_null=True,
        help_text="Of the database that answers reads while the first one is down; null for any other dependency. Its"
        " answers are among those of the first one.",
    )


class EventSerializer(serializers.Serializer[Any]):
    """One change of a breaker's state."""

    time = serializers.DateTimeField()
    from_state = serializers.CharField()
    to_state = serializers.CharField()
    cause = serializers.CharField(help_text="Why a call failed, or what else changed the state, in words.")
    request_id = serializers.CharField(allow_null=True, help_text="The request that caused it, if there was one.")


class SecondSerializer(AnswersSerializer):
    """The answers of one second."""

    ago = serializers.IntegerField(help_text="How many seconds ago it was.")
    slowest = serializers.FloatField(help_text="Duration of the slowest answer, in seconds.")


class BreakerHistorySerializer(BreakerSerializer):
    events = EventSerializer(many=True, help_text="The last 100 changes of state, newest first.")
    timeline = SecondSerializer(many=True, help_text="The answers of the last ten minutes by second, oldest first.")
    workers = serializers.DictField(child=serializers.IntegerField(), help_text="How many worker processes, by state.")


class WorkersParameter(serializers.Serializer[Any]):
    workers = serializers.ChoiceField(
        ["all"], required=False, help_text="All worker processes on this host together, up to a second late."
    )


class OverrideSerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(ACTIONS, help_text="An override lasts until `reset`, which closes the circuit.")


class OperationsView(APIView):
    """A view for monitoring: it ignores credentials and any ``Accept`` header."""

    authentication_classes = ()
    permission_classes = ()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        return super().perform_content_negotiation(request, force=True)


class LiveView(OperationsView):
    @extend_schema(
        operation_id="livez",
        tags=["operations"],
        summary="Whether the process is alive",
        responses=inline_serializer("Liveness", {"status": serializers.ChoiceField(["alive"])}),
    )
    def get(self, request: Request) -> Response:
        """200 while the process is alive. It contacts nothing outside the process."""
        return Response({"status": "alive"})


class ReadyView(OperationsView):
    @extend_schema(
        operation_id="readyz",
        tags=["operations"],
        summary="Whether the service can answer, and the state of each dependency",
        responses=inline_serializer(
            "Readiness",
            {
                "status": serializers.ChoiceField(["ready", "degraded"]),
                "dependencies": serializers.DictField(
                    child=serializers.ChoiceField(["closed", "open", "half-open"]),
                    help_text="The state of each dependency's breaker.",
                ),
                "standby": StandbySerializer(
                    allow_null=True, help_text="What answers reads while the database is down."
                ),
            },
        ),
        examples=[
            OpenApiExample(
                "degraded",
                {"status": "degraded", "dependencies": {"database": "open"}, "standby": {"kind": "file", "age": 42.0}},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """200 while the service can answer. `degraded` still answers, with stale or default data."""
        described = [breaker.describe() for breaker in all_breakers()]
        states = {each["name"]: each["state"] for each in described}
        ready = all(state == "closed" for state in states.values())
        standby = next((each["standby"] for each in described if each["standby"]), None)
        return Response({"status": "ready" if ready else "degraded", "dependencies": states, "standby": standby})


class MetricsView(OperationsView):
    @extend_schema(
        operation_id="metrics",
        tags=["operations"],
        summary="Prometheus metrics",
        responses={(200, "text/plain"): str},
    )
    def get(self, request: Request) -> HttpResponse:
        """Requests, latencies, breakers and answers by source, summed over the worker processes."""
        return HttpResponse(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


class SchemaView(SpectacularAPIView):
    """The API's schema, generated once per format.

    Generating takes a few tenths of a second, and drf-spectacular fails if two threads do it at once.
    """

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head"]
    _writing = threading.Lock()
    _written: dict[str, tuple[str | bytes, str]] = {}

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        with self._writing:
            if renderer.media_type not in self._written:
                response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
                content = renderer.render(response.data, renderer.media_type, {})
                self._written[renderer.media_type] = content, response.headers["Content-Disposition"]
        content, name = self._written[renderer.media_type]
        kind = f"{renderer.media_type}; charset=utf-8"
        headers = {"Content-Disposition": name, "Cache-Control": "no-cache"}  # compare the ETag each time
        return HttpResponse(content, content_type=kind, headers=headers)


class BreakersView(OperationsView):
    @extend_schema(
        operation_id="breakers",
        tags=["operations"],
        summary="The circuit breakers",
        responses=BreakerSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Every circuit breaker of this service, in the worker process that answers."""
        return Response([breaker.describe() for breaker in all_breakers()])


class BreakerView(GenericAPIView[Any]):
    """One circuit breaker. Anybody may read it; an override needs a permission."""

    serializer_class = OverrideSerializer
    permission_classes = (IsAuthenticatedOrReadOnly, PermittedOrReadOnly)
    write_permissions = {"POST": ["accounts.override_breaker"]}

    @extend_schema(
        operation_id="breaker",
        tags=["operations"],
        summary="One circuit breaker with its history",
        parameters=[BREAKER_NAME, WorkersParameter],
        responses={200: BreakerHistorySerializer, 400: openapi.INVALID, 404: NO_BREAKER},
    )
    def get(self, request: Request, name: str) -> Response:
        """The breaker in the worker process that answers, with its latest state changes and ten minutes of answers."""
        return Response(self.describe(self.breaker(name)))

    @extend_schema(
        operation_id="override_breaker",
        tags=["operations"],
        summary="Force a circuit breaker open or closed, or reset it",
        parameters=[BREAKER_NAME, *openapi.RETRY_AFTER],
        responses={200: BreakerHistorySerializer, 404: NO_BREAKER, **openapi.WRITE_ERRORS},
    )
    def post(self, request: Request, name: str) -> Response:
        """Needs the permission `accounts.override_breaker`. An override lasts until `reset`. With Redis it holds in
        every process. During a database outage nobody can sign in, so nobody can override."""
        breaker = self.breaker(name)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        breaker.override(serializer.validated_data["action"], by=request.user.get_username())
        return Response(self.describe(breaker))

    def perform_authentication(self, request: Request) -> None:
        # Authentication may query the database; the status page polls every second and must not.
        if request.method not in SAFE_METHODS or request.accepted_renderer.format != "json":
            super().perform_authentication(request)

    def breaker(self, name: str) -> Breaker:
        for breaker in all_breakers():
            if breaker.name == name:
                return breaker
        raise NotFound("There is no such breaker.")

    def describe(self, breaker: Breaker) -> dict[str, Any]:
        parameters = WorkersParameter(data=self.request.query_params)
        parameters.is_valid(raise_exception=True)
        is_all = "workers" in parameters.validated_data
        return all_workers.together(breaker) if is_all else all_workers.describe(breaker)


@require_safe
@cache_control(max_age=86_400)
def favicon(request: HttpRequest) -> HttpResponse:
    """The icon, for pages that do not link it: browsers ask for this path then."""
    return HttpResponse(_ICON, content_type="image/svg+xml")


@require_safe
@ensure_csrf_cookie
def status(request: HttpRequest) -> HttpResponse:
    """The status page for people. It polls the breakers and contacts no dependency."""
    context = {
        "service": settings.SPECTACULAR_SETTINGS["TITLE"],
        "breakers": [breaker.name for breaker in all_breakers()],
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
    }
    # Without the request: its context processors would query the database for the user.
    return HttpResponse(render_to_string("service/status.html", context))

"""Health, metrics and the state of the breakers, the same on both services. None of them needs the database."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from resilience.breaker import Breaker
from resilience.breakers import all_breakers
from service import metrics


class LastErrorSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="Name of the exception; its message is in the log.")
    time = serializers.DateTimeField()


class AnswersSerializer(serializers.Serializer[Any]):
    live = serializers.IntegerField()
    stale = serializers.IntegerField()
    default = serializers.IntegerField()


class BreakerSerializer(serializers.Serializer[Breaker]):
    """One circuit breaker, as the process that answers sees it."""

    name = serializers.CharField()
    state = serializers.ChoiceField(["closed", "open", "half-open"])
    fail_max = serializers.IntegerField(help_text="Failures in a row that open it.")
    reset_timeout = serializers.FloatField(help_text="Seconds it stays open before a trial.")
    failures = serializers.IntegerField(help_text="Failures in a row so far.")
    retry_after = serializers.FloatField(help_text="Seconds until the next trial; 0 when a call may be made now.")
    last_error = LastErrorSerializer(allow_null=True)
    answers = AnswersSerializer(help_text="Answers to readers since this process started, by where they came from.")


class OperationsView(APIView):
    """A view for machines that watch the service: nobody is asked who they are, or refused for what they accept."""

    authentication_classes = ()
    permission_classes = ()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        return super().perform_content_negotiation(request, force=True)


class LiveView(OperationsView):
    @extend_schema(
        operation_id="livez",
        tags=["operations"],
        summary="Is the process alive",
        responses=inline_serializer("Liveness", {"status": serializers.ChoiceField(["alive"])}),
    )
    def get(self, request: Request) -> Response:
        """200 while the process lives. Touches nothing outside of it."""
        return Response({"status": "alive"})


class ReadyView(OperationsView):
    @extend_schema(
        operation_id="readyz",
        tags=["operations"],
        summary="Can the service answer, and how is each dependency",
        responses=inline_serializer(
            "Readiness",
            {
                "status": serializers.ChoiceField(["ready", "degraded"]),
                "dependencies": serializers.DictField(
                    child=serializers.ChoiceField(["closed", "open", "half-open"]),
                    help_text="The state of each dependency's breaker.",
                ),
            },
        ),
        examples=[
            OpenApiExample("degraded", {"status": "degraded", "dependencies": {"database": "open"}}, response_only=True)
        ],
    )
    def get(self, request: Request) -> Response:
        """200 while the service can answer. Degraded is still ready: readers get stale or default answers."""
        states = {breaker.name: breaker.state for breaker in all_breakers()}
        ready = all(state == "closed" for state in states.values())
        return Response({"status": "ready" if ready else "degraded", "dependencies": states})


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


class BreakersView(OperationsView):
    @extend_schema(
        operation_id="breakers",
        tags=["operations"],
        summary="The circuit breakers",
        responses=BreakerSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Every circuit breaker of this service, as the answering process sees it."""
        return Response([breaker.describe() for breaker in all_breakers()])

"""Traces (OpenTelemetry) and error tracking (Sentry), if the settings ask for them.

Both send from threads of their own: no request waits for a collector, and what it does not take is dropped.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

EXPORT_TIMEOUT = 2  # seconds


def start() -> None:
    """Called once in each process that serves, before Django makes its middleware."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _start_traces()
    if settings.SENTRY_DSN:
        import sentry_sdk

        # What users send and who they are stays here.
        sentry_sdk.init(settings.SENTRY_DSN, include_local_variables=False, max_request_body_size="never")


def _start_traces() -> None:
    """Trace each request with its statements and its call to the ad provider, which continues the trace."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = settings.ROOT_URLCONF.removesuffix("_site.urls").replace("_", "-")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    exporter = OTLPSpanExporter(f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces", timeout=EXPORT_TIMEOUT)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(response_hook=_describe, excluded_urls="livez,readyz,metrics")
    RequestsInstrumentor().instrument()
    tracer = trace.get_tracer("service")

    def trace_statement(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        # Background threads poll all day: each of their statements would be a trace of its own.
        if not trace.get_current_span().get_span_context().is_valid:
            return execute(sql, *rest)
        with tracer.start_as_current_span(sql.split(None, 1)[0], kind=trace.SpanKind.CLIENT) as span:
            span.set_attribute("db.query.text", sql)  # with placeholders, without values
            return execute(sql, *rest)

    def on_connect(connection: Any, **signal: Any) -> None:
        if trace_statement not in connection.execute_wrappers:
            connection.execute_wrappers.append(trace_statement)

    connection_created.connect(on_connect, weak=False)


def _describe(span: Any, request: HttpRequest, response: HttpResponse) -> None:
    for name in ("X-Request-ID", "X-Data-Source"):
        if name in response:
            span.set_attribute(f"http.response.header.{name.lower()}", response[name])

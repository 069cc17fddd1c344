"""Traces and error tracking, received by a collector of the tests."""

import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, eventually, free_port

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "pa55word-of-a-user"


class Collector:
    """What was posted, by path."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.received: list[tuple[str, bytes]] = []

    def all_spans(self) -> list[tuple[str, Any]]:
        """The spans, each with the name of its service."""
        found = []
        for path, body in self.received:
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        found += [(attributes["service.name"], span) for span in scope.spans]
        return found

    def spans(self) -> list[tuple[str, Any]]:
        """Those of TRACE."""
        return [(name, span) for name, span in self.all_spans() if span.trace_id.hex() == TRACE]


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            found.received.append((self.path, gzip.decompress(body) if packed else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(server.server_port)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        server.shutdown()


def test_one_trace_spans_both_services(postgres: Postgres, collector: Collector) -> None:
    settings = {
        "DATABASE_URL": postgres.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with (
        Service("ad_provider_site", **settings) as ad_provider,
        Service("recommender_site", AD_PROVIDER_URL=ad_provider.url, **settings) as recommender,
    ):
        asin = recommender.get("/products?limit=1").json()[0]["asin"]
        ids = recommender.get(f"/ads?asin={asin}", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}).headers
        eventually(lambda: {name for name, _ in collector.spans()} == {"recommender", "ad-provider"})
        eventually(lambda: any(span.parent_span_id.hex() == PARENT for _, span in collector.spans()))
    spans = {span.span_id: (name, span) for name, span in collector.spans()}
    (first,) = [span for _, span in spans.values() if span.parent_span_id.hex() == PARENT]
    attributes = {each.key: each.value.string_value for each in first.attributes}
    assert attributes["http.response.header.x-request-id"] == ids["X-Request-ID"]
    (asked,) = [span for name, span in spans.values() if name == "ad-provider" and span.kind == span.SPAN_KIND_SERVER]
    caller, call = spans[asked.parent_span_id]
    assert (caller, spans[call.parent_span_id][1]) == ("recommender", first)
    statements = [span for name, span in spans.values() if name == "ad-provider" and span.name == "SELECT"]
    assert statements
    assert asin not in str(statements)


def test_background_polling_sends_no_traces(postgres: Postgres, collector: Collector) -> None:
    settings = {
        "DATABASE_URL": postgres.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "ADS_SNAPSHOT_SECONDS": "0.2",
    }
    polled = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT oldest, xid, asin%'"
    with Service("ad_provider_site", **settings) as ad_provider, Service("recommender_site", **settings) as recommender:
        for service in (ad_provider, recommender):
            for path in ("/readyz", "/metrics"):
                assert service.get(path).ok  # the first request starts the threads
        eventually(lambda: postgres.ask(polled) == [(2,)])
        time.sleep(1)
    assert [span.name for _, span in collector.all_spans()] == []


def test_a_collector_that_is_away_costs_nothing(postgres: Postgres) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": away, "SENTRY_DSN": f"http://key@127.0.0.1:{free_port()}/1"}
    with Service("recommender_site", DATABASE_URL=postgres.url, OTEL_BSP_SCHEDULE_DELAY="100", **settings) as service:
        for _ in range(20):
            response = service.get("/products")
            assert (response.status_code, response.headers["X-Data-Source"]) == (200, "live")
            assert response.elapsed.total_seconds() < 1


def test_an_error_is_reported_without_what_users_sent(collector: Collector) -> None:
    dsn = collector.url.replace("http://", "http://key@") + "/1"
    script = f"""
from recommender_site.wsgi import application
import logging
def sign_in(password):
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("shop").exception("it failed")
sign_in("{SECRET}")
"""
    env = ENVIRONMENT | {"SENTRY_DSN": dsn, "DATABASE_URL": "sqlite:////nonexistent/shop.sqlite3"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, check=True, capture_output=True)
    reported = b"".join(body for path, body in collector.received if path == "/api/1/envelope/")
    events = [
        json.loads(line) for line in reported.splitlines() if line.startswith(b'{"level"') or b"exception" in line
    ]
    assert "it failed" in json.dumps(events)
    assert SECRET.encode() not in reported

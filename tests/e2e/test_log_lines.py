"""The log lines about requests."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e.raw_http import get, say, status
from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, eventually, free_port


@pytest.fixture(params=["recommender_site", "ad_provider_site"])
def said(request: pytest.FixtureRequest, postgres: Postgres) -> Any:
    """A function that sends requests to a new service and returns its log lines."""

    def run(ask: Callable[[Service], None]) -> list[dict[str, Any]]:
        with Service(request.param, DATABASE_URL=postgres.url, HTTPS="on") as service:
            ask(service)
            service.process.terminate()
            service.process.wait(15)
            service.log.seek(0)
            return [json.loads(line) for line in service.log if line.startswith("{")]

    return run


def test_health_probes_leave_no_line(said: Any) -> None:
    def probe(service: Service) -> None:
        for path in ("/livez", "/readyz", "/metrics"):
            for slash in ("", "/"):
                answer = service.get(path + slash, headers={"Host": "10.1.2.3:8000"}, allow_redirects=False)
                assert answer.status_code == 200, path + slash

    assert said(probe) == []


def test_a_refused_host_is_one_line_without_a_traceback(said: Any) -> None:
    def ask(service: Service) -> None:
        headers = {"Host": "evil.example", "X-Forwarded-Proto": "https"}
        assert service.get("/", headers=headers).status_code == 400

    (line,) = said(ask)
    assert line["level"] == "warning"
    assert "evil.example" in line["message"]
    assert "traceback" not in line


def test_client_errors_leave_no_line(said: Any) -> None:
    def ask(service: Service) -> None:
        over_https = {"X-Forwarded-Proto": "https"}
        form = {"username": "admin", "password": "x"}
        statuses = [
            service.get("/nothing-here", headers=over_https).status_code,
            service.get("/breakers/toaster", headers=over_https).status_code,
            service.get("/schema?format=%00", headers=over_https).status_code,
            service.post("/livez").status_code,
            service.post("/breakers/database", json={}, headers=over_https).status_code,
            service.post("/accounts/login/", data=form, headers=over_https).status_code,
            service.post("/accounts/login/", data=[("a", "1")] * 21_000, headers=over_https).status_code,
        ]
        assert statuses == [404, 404, 400, 405, 401, 403, 400]

    assert said(ask) == []


def test_a_log_that_nobody_reads_holds_no_request(postgres: Postgres) -> None:
    port = free_port()
    service: Any = SimpleNamespace(port=port)  # not a Service, whose log is a file
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        f"--bind=127.0.0.1:{port}",
        "--log-level=error",
        "recommender_site.wsgi",
    ]
    environment = ENVIRONMENT | {"DATABASE_URL": postgres.url}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            eventually(lambda: status(say_if_up(service, get("/livez"))) == 200)
            refused = get("/products").replace(b"Host: localhost", b"Host: elsewhere")  # each is a line
            for _ in range(30):
                assert say(service, refused * 100).count(b"HTTP/1.1 400 ") == 100
            began = time.monotonic()
            assert status(say(service, get("/products"))) == 200
            assert time.monotonic() - began < 5
            process.terminate()
            lines = [json.loads(line) for line in process.stderr]
            dropped = [int(line["message"].split()[0]) for line in lines if "log lines were dropped" in line["message"]]
            assert sum(dropped) + len(lines) - len(dropped) == 3000
        finally:
            process.kill()


def say_if_up(service: Any, request: bytes) -> bytes:
    try:
        return say(service, request)
    except OSError:
        return b""

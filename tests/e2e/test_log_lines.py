"""The log lines about requests."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.services import Postgres, Service


@pytest.fixture(params=["recommender_site", "ad_provider_site"])
def said(request: pytest.FixtureRequest, postgres: Postgres) -> Any:
    """A function that sends requests to a new service and returns its log lines."""

    def run(ask: Callable[[Service], None]) -> list[dict[str, Any]]:
        with Service(request.param, DATABASE_URL=postgres.url, HTTPS="on") as service:
            ask(service)
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

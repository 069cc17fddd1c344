"""Health probes and scrapes come from inside: to an IP address, and without TLS."""

import logging
from typing import Any

import pytest
from django.test import Client

PROBES = ["/livez", "/readyz", "/metrics"]
BOTH_WAYS = [*PROBES, *(f"{path}/" for path in PROBES)]


@pytest.mark.parametrize("path", BOTH_WAYS)
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "evil.example", "", "no host at all!"])
def test_a_health_probe_is_answered_with_any_host(
    client: Client, path: str, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="django"):
        response = client.get(path, headers={"host": host})
    assert response.status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize("path", BOTH_WAYS)
def test_a_health_probe_is_not_redirected_to_https(client: Client, path: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/status").status_code == 301
    response = client.get(path, headers={"host": "10.1.2.3:8000"})
    assert response.status_code == 200
    assert response["X-Content-Type-Options"] == "nosniff"


def test_health_probes_are_counted(client: Client) -> None:
    def counted() -> float:
        sample = 'http_requests_total{method="GET",status="200",view="readyz"}'
        lines = client.get("/metrics").content.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))

    before = counted()
    client.get("/readyz", headers={"host": "10.1.2.3"})
    client.get("/readyz/", headers={"host": "10.1.2.3"})
    assert counted() == before + 2


@pytest.mark.parametrize("path", ["/", "/products", "/status", "/livez/x", "/livez//", "/admin/"])
def test_elsewhere_a_refused_host_is_a_400(client: Client, path: str) -> None:
    assert client.get(path, headers={"host": "evil.example"}).status_code == 400

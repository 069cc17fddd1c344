"""Health, metrics and breakers. A query in these tests raises, because they do not request a database."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from resilience import breakers
from resilience.errors import DependencyUnavailable
from resilience.http import BadAnswer

NAMED = [("200", "static"), ("404", "unmatched")]
OPERATIONS = ["/livez", "/readyz", "/metrics", "/breakers"]


def nonsense() -> None:
    raise BadAnswer


def trip(name: str) -> None:
    with pytest.raises(DependencyUnavailable):
        breakers.get(name).call(nonsense)


@pytest.mark.parametrize("path", OPERATIONS)
@pytest.mark.parametrize("accept", ["application/json", "text/html", "*/*", "text/plain"])
def test_monitoring_makes_no_query(client: Client, path: str, accept: str) -> None:
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    response = client.get(path, headers={"accept": accept, "authorization": "Token " + "a" * 40})
    assert response.status_code == 200
    assert "X-Data-Source" not in response


@pytest.mark.parametrize("path", OPERATIONS)
def test_monitoring_is_read_only(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200


def test_livez_says_alive(client: Client) -> None:
    assert client.get("/livez").json() == {"status": "alive"}


def test_readyz_is_ready_while_all_circuits_are_closed(client: Client) -> None:
    states = {"database": "closed", "ad-provider": "closed"}
    assert client.get("/readyz").json() == {"status": "ready", "dependencies": states, "standby": None}


def test_readyz_is_degraded_and_200_while_a_dependency_is_down(client: Client) -> None:
    trip("ad-provider")
    response = client.get("/readyz")
    assert response.status_code == 200
    states = {"database": "closed", "ad-provider": "open"}
    assert response.json() == {"status": "degraded", "dependencies": states, "standby": None}


def test_breakers_lists_each_breaker(client: Client) -> None:
    trip("ad-provider")
    database, ads = client.get("/breakers").json()
    untouched: dict[str, Any] = {
        "name": "database",
        "state": "closed",
        "fail_max": 1,
        "reset_timeout": 20,
        "failures": 0,
        "retry_after": 0,
        "last_error": None,
        "forced": None,
        "answers": {"live": 0, "stale": 0, "default": 0},
        "standby": None,
    }
    assert database == untouched
    assert ads["last_error"].pop("time").endswith("+00:00")
    assert 9 < ads.pop("retry_after") <= 10
    assert ads == {
        "name": "ad-provider",
        "state": "open",
        "fail_max": 1,
        "reset_timeout": 10,
        "failures": 1,
        "last_error": {"type": "BadAnswer", "cause": "not valid: the answer has another shape"},
        "forced": None,
        "answers": {"live": 0, "stale": 0, "default": 0},
        "standby": None,
    }


def test_reading_does_not_change_an_open_breaker(client: Client) -> None:
    trip("ad-provider")
    for _ in range(3):
        assert client.get("/breakers").json()[1]["failures"] == 1


def scraped(client: Client, sample: str) -> float:
    lines = client.get("/metrics").content.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))


def test_metrics_count_requests_by_view_method_and_status(client: Client) -> None:
    sample = 'http_requests_total{method="GET",status="200",view="livez"}'
    before = scraped(client, sample)
    client.get("/livez")
    client.get("/livez?x=1")
    assert scraped(client, sample) == before + 2


@pytest.mark.parametrize("made_up", ["BREW", "GET2", "x" * 5000])
def test_clients_cannot_create_labels(client: Client, made_up: str) -> None:
    before = scraped(client, 'http_requests_total{method="other"')
    client.generic(made_up, "/livez")
    client.generic(made_up, "/" + made_up)
    assert scraped(client, 'http_requests_total{method="other"') == before + 2
    assert made_up not in client.get("/metrics").content.decode()


def test_metrics_are_prometheus_text(client: Client) -> None:
    trip("ad-provider")
    response = client.get("/metrics")
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'breaker_state{breaker="ad-provider",state="open"} 1.0' in response.content.decode()
    assert "# TYPE http_request_seconds histogram" in response.content.decode()


def test_the_icon_is_linked_and_answered_at_its_usual_path(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert response.content.startswith(b"<svg")
    assert response["Cache-Control"] == "max-age=86400"
    for path in ("/about", "/status", "/docs", "/redoc", "/breakers", "/accounts/login/", "/nothing-here"):
        page = client.get(path, headers={"accept": "text/html"}).content.decode()
        assert '<link rel="icon" href="/static/service/favicon.svg">' in page, path
    assert client.get("/static/service/favicon.svg").getvalue() == response.content


def test_static_files_have_a_label_of_their_own(client: Client) -> None:
    sample, other = ('http_requests_total{{method="GET",status="{}",view="{}"}}'.format(*each) for each in NAMED)
    before = scraped(client, sample), scraped(client, other)
    client.get("/static/service/favicon.svg").close()
    client.get("/nothing-here")
    assert (scraped(client, sample), scraped(client, other)) == (before[0] + 1, before[1] + 1)

import json
import logging

import pytest
from prometheus_client import REGISTRY

from resilience import breakers
from resilience.errors import DependencyUnavailable
from resilience.http import BadAnswer
from service.logs import JSONFormatter


def nonsense() -> None:
    raise BadAnswer("no JSON")


def test_each_event_is_one_structured_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "resilience.breaker")
    breaker = breakers.get("ad-provider")
    for _ in range(2):
        with pytest.raises(DependencyUnavailable):
            breaker.call(nonsense)
    lines = [JSONFormatter().format(record) for record in caplog.records]
    assert not any("\n" in line for line in lines)
    failure, change, rejection = (json.loads(line) for line in lines)
    assert {failure["breaker"], change["breaker"], rejection["breaker"]} == {"ad-provider"}
    assert (failure["event"], failure["error"], failure["cause"]) == ("failure", "BadAnswer", "no JSON")
    assert (change["event"], change["from_state"], change["to_state"]) == ("state_change", "closed", "open")
    assert (rejection["event"], rejection["retry_after"]) == ("rejection", 10)


def test_metrics_show_state_failures_and_rejections() -> None:
    def figure(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"breaker": "ad-provider", **labels}) or 0

    breaker = breakers.get("ad-provider")
    assert figure("breaker_state", state="closed") == 1
    before = figure("breaker_failures_total"), figure("breaker_rejections_total")
    for _ in range(3):
        with pytest.raises(DependencyUnavailable):
            breaker.call(nonsense)
    assert (figure("breaker_failures_total"), figure("breaker_rejections_total")) == (before[0] + 1, before[1] + 2)
    assert (figure("breaker_state", state="closed"), figure("breaker_state", state="open")) == (0, 1)

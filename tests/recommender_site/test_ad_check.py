"""The check of the ad provider, against servers that answer and servers that do not."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest

from recommender_site import ad_client
from resilience import breakers
from tests.e2e.services import ad_server

Behave = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes) -> Behave:
    def behave(request: BaseHTTPRequestHandler) -> None:
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        assert (request.path, asked) == ("/ads", {"limit": 1})
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return behave


@pytest.mark.parametrize(
    ("behave", "is_reached"),
    [
        (answer(200, orjson.dumps(ad_client.default_ads(limit=1))), True),
        (answer(400, b"{}"), True),  # an answer, even if it refuses the request
        (answer(200, b"nonsense"), False),
        (answer(500, b""), False),
        (lambda request: time.sleep(5), False),
    ],
)
def test_it_tells_whether_the_ad_provider_answers_and_is_not_counted_as_a_call(
    behave: Behave, is_reached: bool, settings: Any
) -> None:
    with ad_server(behave) as settings.AD_PROVIDER_URL:
        began = time.monotonic()
        assert ad_client.check() is is_reached
        assert time.monotonic() - began < 5 * ad_client.CHECK_TIMEOUT
    breaker = breakers.get("ad-provider").describe()
    assert (breaker["state"], breaker["failures"], set(breaker["answers"].values())) == ("closed", 0, {0})


def test_a_closed_port_is_not_reached(settings: Any) -> None:
    settings.AD_PROVIDER_URL = "http://127.0.0.1:1"
    assert ad_client.check() is False

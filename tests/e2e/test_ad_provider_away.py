"""/ads while the ad provider is stopped, hung or broken."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

import psutil
import pytest
import requests

from catalog.defaults import HOUSE_ADS
from tests.e2e.conftest import Busy
from tests.e2e.load import Load
from tests.e2e.proxies import nat
from tests.e2e.services import Postgres, Service, ad_server, eventually, free_port

DEADLINE = 0.5  # AD_DEADLINE's default


def say(status: int, body: bytes, kind: str = "application/json") -> Callable[[BaseHTTPRequestHandler], None]:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return behave


def hang(request: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b" " * 65536)


def drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    for _ in range(25):
        request.wfile.write(b" ")
        time.sleep(0.2)


def promise_more(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"[]")
    request.close_connection = True


def promise_less(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1")
    request.end_headers()
    request.wfile.write(b"[]")


def reset(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"[")
    # Closing with a linger time of 0 sends a reset.
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


@pytest.fixture
def shop(postgres: Postgres) -> Iterator[Callable[[str], Service]]:
    with ExitStack() as started:

        def start(ad_provider_url: str) -> Service:
            service = Service("recommender_site", DATABASE_URL=postgres.url, AD_PROVIDER_URL=ad_provider_url)
            return started.enter_context(service)

        yield start


def assert_house_ads(service: Service, within: float) -> None:
    started = time.monotonic()
    answer = service.get("/ads?limit=3")
    assert time.monotonic() - started < within
    assert (answer.status_code, answer.headers["X-Data-Source"]) == (200, "default")
    assert [ad["asin"] for ad in answer.json()] == [asin for asin, *_ in HOUSE_ADS[:3]]


def assert_only_ads_suffer(work: Load, service: Service) -> None:
    assert [each for each in work.reads() if each.status != 200] == []
    assert [each for each in work.reads() if each.path == "/ads" and each.took > 2 * DEADLINE] == []
    assert {each.source for each in work.reads() if each.path.startswith(("/products", "/reviews"))} == {"live"}
    assert {each.status for each in work.writes()} == {201}
    assert service.state("database") == "closed"


FAULTS = {
    "hangs": (hang, "open"),
    "endless": (endless, "open"),
    "drips": (drip, "open"),
    "too short": (promise_more, "open"),
    "too long": (promise_less, "open"),
    "reset": (reset, "open"),
    "500": (say(500, b"oh"), "open"),
    "503": (say(503, b"[]"), "open"),
    "truncated": (say(200, b'[{"asin": "A'), "open"),
    "html": (say(200, b"<html>hello</html>", "text/html"), "open"),
    "no array": (say(200, b'{"ads": []}'), "open"),
    "no product": (say(200, b'[{"asin": 1}]'), "open"),
    "redirect": (say(302, b""), "open"),
    "404": (say(404, b"[]"), "closed"),
}


def test_there_are_house_ads_in_time_whatever_it_answers(shop: Callable[[str], Service], busy: Busy) -> None:
    answer = live = say(200, b"[]")
    with ad_server(lambda request: answer(request)) as url:
        service = shop(url)
        with busy("ads", service) as work:
            for name, (fault, state) in FAULTS.items():
                answer = live
                eventually(lambda: service.get("/ads").headers["X-Data-Source"] == "live")
                assert service.state("ad-provider") == "closed"
                answer = fault
                eventually(lambda: service.get("/ads").headers["X-Data-Source"] == "default")
                began = work.now
                time.sleep(1)
                ads = [each for each in work.reads(began) if each.path == "/ads"]
                assert {each.source for each in ads} == {"default"}, name
                assert (service.state("ad-provider") == "closed") == (state == "closed"), name
    assert_only_ads_suffer(work, service)


def test_one_that_accepts_no_connection_times_out(shop: Callable[[str], Service], busy: Busy) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as queue:
        # Nobody accepts, and these fill the backlog: further connections get no answer.
        for _ in range(2):
            client = queue.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        service = shop(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with busy("black-hole", service) as work:
            assert service.state("ad-provider") != "closed"
    assert {each.source for each in work.reads() if each.path == "/ads"} == {"default"}
    assert_only_ads_suffer(work, service)


def test_a_connection_closed_while_idle_costs_no_answer(shop: Callable[[str], Service]) -> None:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.protocol_version = "HTTP/1.1"  # the client may keep the connection alive,
        say(200, b"[]")(request)
        request.close_connection = True  # but it is closed after the answer

    with ad_server(behave) as url:
        service = shop(url)
        for _ in range(20):
            assert service.get("/ads").headers["X-Data-Source"] == "live"
            time.sleep(0.02)


def test_one_slow_answer_affects_its_caller_only(shop: Callable[[str], Service]) -> None:
    slow = True

    def behave(request: BaseHTTPRequestHandler) -> None:
        nonlocal slow
        if slow:
            slow = False
            time.sleep(4 * DEADLINE)
        say(200, b"[]")(request)

    with ad_server(behave) as url:
        service = shop(url)
        assert_house_ads(service, within=2 * DEADLINE)
        assert [service.get("/ads").headers["X-Data-Source"] for _ in range(10)] == ["live"] * 10
        assert service.get("/breakers/ad-provider").json()["events"] == []


def test_idle_connections_that_the_network_drops_cost_one_answer(
    ad_provider: Service, shop: Callable[[str], Service]
) -> None:
    with nat(lambda: socket.create_connection(("127.0.0.1", ad_provider.port))) as network:
        service = shop(f"http://127.0.0.1:{network.port}")
        sources = [service.get("/ads").headers["X-Data-Source"] for _ in range(10)]
        network.drop()
        sources += [service.get("/ads").headers["X-Data-Source"] for _ in range(20)]
    assert sources.count("default") <= 1
    assert service.get("/breakers/ad-provider").json()["events"] == []


def test_the_largest_answers_do_not_grow_the_memory(shop: Callable[[str], Service]) -> None:
    with ad_server(endless) as url:
        service = shop(url)
        workers = psutil.Process(service.process.pid).children()
        assert_house_ads(service, within=2 * DEADLINE)
        before = sum(worker.memory_info().rss for worker in workers)
        for _ in range(5):
            eventually(lambda: service.state("ad-provider") == "half-open")
            assert_house_ads(service, within=2 * DEADLINE)
        assert sum(worker.memory_info().rss for worker in workers) - before < 10_000_000


def test_a_stopped_ad_provider_costs_no_answer_and_recovers(postgres: Postgres, shop: Callable[[str], Service]) -> None:
    port = free_port()
    service = shop(f"http://127.0.0.1:{port}")

    def live() -> bool:
        return service.get("/ads").headers["X-Data-Source"] == "live"

    with Service("ad_provider_site", port, DATABASE_URL=postgres.url):
        eventually(live)
    assert_house_ads(service, within=2 * DEADLINE)
    assert service.state("ad-provider") == "open"
    assert service.get("/readyz").json()["status"] == "degraded"
    with Service("ad_provider_site", port, DATABASE_URL=postgres.url):
        eventually(live)
        assert service.state("ad-provider") == "closed"


def test_it_recovers_when_the_ad_provider_does(shop: Callable[[str], Service]) -> None:
    working = False

    def behave(request: BaseHTTPRequestHandler) -> None:
        say(200, b"[]")(request) if working else say(503, b"")(request)

    with ad_server(behave) as url:
        service = shop(url)
        assert_house_ads(service, within=2 * DEADLINE)
        working = True
        eventually(lambda: service.get("/ads").headers["X-Data-Source"] == "live")
        assert service.state("ad-provider") == "closed"


def test_the_request_id_is_passed_on(shop: Callable[[str], Service]) -> None:
    heard: list[str | None] = []

    def behave(request: BaseHTTPRequestHandler) -> None:
        heard.append(request.headers.get("X-Request-ID"))
        say(200, b"[]")(request)

    with ad_server(behave) as url:
        service = shop(url)
        assert service.get("/ads", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"
        odd = service.get("/ads", headers={"X-Request-ID": "x" * 100}).headers["X-Request-ID"]
    assert heard == ["abc-123", odd]
    assert len(odd) == 32


def test_both_services_choose_ads_together(recommender: Service, ad_provider: Service, asins: list[str]) -> None:
    def live() -> requests.Response | None:  # fails while the machine is too busy for AD_DEADLINE
        answer = recommender.get(f"/ads?asin={asins[0]}&limit=5")
        return answer if answer.headers["X-Data-Source"] == "live" else None

    answer = eventually(live)
    ads = [ad["asin"] for ad in answer.json()]
    assert len(set(ads)) == 5
    assert set(ads) <= set(asins) - {asins[0]}

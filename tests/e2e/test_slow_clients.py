"""Slow and idle clients in any number do not delay others."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest
import requests

from tests.e2e.raw_http import CHUNKED, clients, get, is_closed, post
from tests.e2e.services import Postgres, Service, eventually

MANY = 40  # five for each thread
CONNECTIONS = 250  # gunicorn.conf.py
REQUEST_TIMEOUT, LEEWAY = 15, 5  # seconds
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def service(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    with Service("recommender_site", DATABASE_URL=postgres.url, AD_PROVIDER_URL=ad_provider.url) as started:
        yield started
        assert set(started.get("/readyz").json()["dependencies"].values()) == {"closed"}


def peers(service: Service) -> set[int]:
    """The ports of the clients that the worker is connected with."""
    return {each.raddr.port for each in worker(service).net_connections() if each.raddr}


def worker(service: Service) -> psutil.Process:
    (found,) = psutil.Process(service.process.pid).children()
    return found


def assert_alive(service: Service, within: float) -> None:
    """Health checks have a thread of their own; the other path needs one of those that all requests share."""
    for path in ("/livez", "/favicon.ico"):
        started = time.monotonic()
        assert requests.get(service.url + path, timeout=30).ok
        assert time.monotonic() - started <= within


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET /products HTTP/1.1\r\nHost: local",
        post("/reviews", b'{"asin": ', length=5000),
        post("/reviews", b"", length=2 * MEGABYTE),
        post("/reviews", b"", "Expect: 100-continue", length=5000),
        CHUNKED,
        CHUNKED + b"10\r\n{",
        get("/livez", "Connection: close"),  # and then stay connected
    ],
    ids=[
        "nothing",
        "a letter",
        "half a head",
        "half a body",
        "too large",
        "to be asked",
        "chunked",
        "chunk",
        "answered",
    ],
)
def test_waiting_clients_do_not_delay_others(service: Service, begun: bytes) -> None:
    with clients(service, MANY, begun):
        for _ in range(10):
            assert_alive(service, within=0.5)
            assert service.get("/products?limit=1").headers["X-Data-Source"] == "live"


def test_clients_that_send_byte_by_byte_do_not_delay_others(service: Service) -> None:
    request = post("/reviews", b'{"asin": "A"}')
    with clients(service, MANY) as slow:
        for letter in request[:-1]:
            for client in slow:
                client.send(bytes([letter]))
            if letter == ord("\n"):
                assert_alive(service, within=0.5)
        for client in slow:
            client.send(request[-1:])
        for client in slow:
            assert client.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("begun", [b"", b"GET /livez HTTP/1.1\r\nX-Half: "], ids=["silent", "half a head"])
@pytest.mark.parametrize("count", [CONNECTIONS + 5, CONNECTIONS + 50])
def test_the_longest_idle_connections_are_evicted(service: Service, count: int, begun: bytes) -> None:
    with clients(service, count, begun) as silent:
        for _ in range(5):
            assert_alive(service, within=1)
        surplus = count - CONNECTIONS + 1
        assert all(is_closed(client) for client in silent[:surplus])
        assert not any(is_closed(client) for client in silent[-CONNECTIONS + 20 :])


def test_more_clients_than_connections_are_all_answered(service: Service) -> None:
    for _ in range(3):
        with clients(service, CONNECTIONS + 50, get("/livez")) as many:
            for client in many:
                assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_request_in_progress_is_not_evicted(service: Service) -> None:
    begun = b"GET /livez HTTP/1.1\r\n"
    with clients(service, CONNECTIONS), clients(service, 1, begun) as (late,), clients(service, CONNECTIONS - 50):
        late.sendall(b"Host: localhost\r\n\r\n")
        assert late.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("body", [post("/reviews", b"", length=5000), CHUNKED + b"ffff\r\n"], ids=["length", "chunked"])
@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "dripping"])
def test_a_request_that_never_ends_times_out(service: Service, body: bytes, drip: bytes) -> None:
    with clients(service, 1, body) as (client,):
        started = time.monotonic()
        while not is_closed(client):
            assert time.monotonic() - started < REQUEST_TIMEOUT + LEEWAY
            client.setblocking(True)
            client.send(drip)
            time.sleep(0.5)
        assert time.monotonic() - started > REQUEST_TIMEOUT - 1


def test_clients_that_do_not_read_delay_nobody_and_are_closed(service: Service) -> None:
    many_answers = get("/products?limit=1000") * 500
    before = worker(service).memory_info().rss
    with clients(service, 24, many_answers, small_buffer=True) as deaf:
        started = time.monotonic()
        while time.monotonic() - started < REQUEST_TIMEOUT - 2:
            assert_alive(service, within=1)
            time.sleep(0.5)
        assert worker(service).memory_info().rss - before < 100 * MEGABYTE
        time.sleep(2)
        ports = {client.getsockname()[1] for client in deaf}  # to look at a socket would be to read from it
        eventually(lambda: ports.isdisjoint(peers(service)), 5 * LEEWAY)
        assert all(is_closed(client) for client in deaf)


def test_incomplete_bodies_have_bounded_memory(service: Service) -> None:
    nearly_all = post("/reviews", b"x" * (MEGABYTE - 1), length=MEGABYTE)
    before = worker(service).memory_info().rss
    with clients(service, CONNECTIONS - 10, nearly_all):
        assert_alive(service, within=1)
        assert worker(service).memory_info().rss - before < 150 * MEGABYTE


def test_parsing_a_head_in_pieces_takes_linear_time(service: Service) -> None:
    """The last quarter of 64 kB takes as long as the first."""

    def seconds() -> float:
        spent = worker(service).cpu_times()
        return float(spent.user + spent.system)

    quarter, step = (b"X-Long: " + b"x" * 8000 + b"\r\n") * 2, 64
    costs = []
    with clients(service, 150, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n") as slow:
        for _ in range(4):
            before = seconds()
            for at in range(0, len(quarter), step):
                for client in slow:
                    client.send(quarter[at : at + step])
            assert_alive(service, within=1)
            costs.append(seconds() - before)
        for client in slow:
            client.sendall(b"\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert costs[3] < 3 * costs[0]


@pytest.mark.parametrize(
    ("begun", "block"),
    [(b"0\r\n", b"a\r\n" * 80_000), (b"", b"1\r\na\r\n" * 40_000)],
    ids=["trailers", "chunks"],
)
def test_endless_framing_does_not_delay_others(service: Service, begun: bytes, block: bytes) -> None:
    is_over = threading.Event()

    def flood() -> None:
        while not is_over.is_set():
            with suppress(OSError), clients(service, 1, CHUNKED + begun) as (client,):
                while not is_over.is_set():
                    client.sendall(block)

    with ThreadPoolExecutor(24) as threads:
        for _ in range(24):
            threads.submit(flood)
        try:
            for _ in range(5):
                assert_alive(service, within=2.5)
        finally:
            is_over.set()


def test_framing_does_not_count_as_held_bytes(service: Service) -> None:
    """Half of 80 MB in chunks is framing, which is dropped at once."""
    body = b"x" * 1000
    chunk = b"c8;" + b"x" * 193 + b"\r\n" + b"x" * 200 + b"\r\n"
    begun = post("/reviews", body[:-1], length=1000)
    with clients(service, 1, begun) as (honest,), clients(service, 100, CHUNKED + chunk * 2000):
        assert_alive(service, within=2.5)
        honest.sendall(body[-1:])
        assert honest.recv(65536).startswith(b"HTTP/1.1 401 ")

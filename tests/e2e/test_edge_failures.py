"""What the edge keeps, sends again and shows when services of the test fail in a way of their own."""

import time
from collections.abc import Iterator

import pytest
import requests

from service.caching import FALLBACK, LIVE
from tests.e2e.services import free_port
from tests.e2e.upstream import Request, Upstream, upstream
from tests.edge import Edge

ANYTHING = "application/json, */*"


def live(request: Request) -> None:
    request.answer(Cache_Control=LIVE, X_Data_Source="live")


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    """A service that is well."""
    with upstream(live) as server:
        yield server


@pytest.fixture(scope="module")
def edge(service: Upstream) -> Iterator[Edge]:
    with Edge([service.server_port], service.server_port, TRUSTED_PROXIES="1", EDGE_OPERATORS="192.0.2.1") as edge:
        yield edge


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/products/A", None), ("/products/B?format=json", None), ("/products/C?format=json", ANYTHING)],
)
def test_every_way_to_ask_for_json_is_answered_from_the_cache(edge: Edge, path: str, accept: str | None) -> None:
    def ask(accept: str | None) -> str:
        return edge.get(path, headers={"Accept": accept}).headers["X-Cache"]

    assert [ask(accept), ask(accept), ask(ANYTHING)] == ["MISS", "HIT", "HIT"]


@pytest.mark.parametrize("path", ["/products/D?format=api", "/products/D?format=", "/products/D"])
def test_a_way_to_ask_for_anything_else_is_not(edge: Edge, path: str) -> None:
    accept = "text/html" if path.endswith(("D", "=")) else None
    for _ in range(2):
        assert edge.get(path, headers={"Accept": accept}).headers["X-Cache"] == "BYPASS"


def drop(request: Request) -> None:
    """Get a request, which may be carried out, and close the connection without an answer."""
    request.close_connection = True


WRITES = ["POST", "PATCH", "PUT", "DELETE"]


def test_a_write_is_sent_once_and_a_read_again() -> None:
    with upstream(drop) as one, upstream(drop) as two, Edge([one.server_port, two.server_port], 1) as edge:

        def send(method: str, path: str) -> list[str]:
            one.seen, two.seen = [], []
            body = b"{}" if method in WRITES else None
            assert requests.request(method, edge.url + path, data=body, timeout=10).status_code == 503
            return one.seen + two.seen

        for path in ("/products/A", "/elsewhere", "/breakers/database", "/admin/"):
            for method in WRITES:
                assert send(method, path) == [f"{method} {path}"]
        time.sleep(2.1)  # both are tried again
        for method, path in (("GET", "/products/A"), ("POST", "/recommendations"), ("GET", "/ads")):
            assert len(send(method, path)) >= 2


def test_a_post_that_is_refused_is_sent_to_another_instance(service: Upstream) -> None:
    gone = free_port()
    for method in ("POST", "PATCH"):
        for _ in range(2):
            with Edge([gone, service.server_port], 1) as edge:
                assert requests.request(method, f"{edge.url}/reviews", json={}, timeout=10).status_code == 200


@pytest.mark.parametrize(("source", "shown"), [("live", "stale"), ("stale", "stale"), ("default", "default")])
def test_the_last_answer_goes_on_as_what_it_is(source: str, shown: str) -> None:
    def fail_later(request: Request) -> None:
        if len(request.server.seen) > 1:
            request.close_connection = True
        else:
            request.answer(Cache_Control=FALLBACK, X_Data_Source=source)

    with upstream(fail_later) as service, Edge([service.server_port], 1) as edge:
        edge.get("/products/A")
        time.sleep(2.1)
        response = edge.get("/products/A")
        assert (response.status_code, response.headers["X-Cache"]) == (200, "STALE")
        assert response.headers["X-Data-Source"] == shown


def hang(request: Request) -> None:
    time.sleep(15)


def test_a_read_that_hangs_is_sent_to_another_instance(service: Upstream) -> None:
    for path, seconds in (("/products/A", 2.5), ("/recommendations", 2.5), ("/ads", 5), ("/reviewers/R/x", 5)):
        with upstream(hang) as slow, Edge([slow.server_port, service.server_port], 1) as edge:
            began = time.monotonic()
            for number in range(4):
                method = "POST" if path == "/recommendations" else "GET"
                answer = requests.request(method, f"{edge.url}{path}?n={number}", timeout=20)
                assert answer.status_code == 200
            assert len(slow.seen) == 1
            assert seconds <= time.monotonic() - began < 2 * seconds


def test_if_all_hang_a_read_fails_soon() -> None:
    with upstream(hang) as one, upstream(hang) as two:
        for ports, seconds in (([one.server_port], 2.5), ([one.server_port, two.server_port], 5)):
            with Edge(ports, 1) as edge:
                began = time.monotonic()
                assert edge.get("/products/A").status_code == 503
                assert seconds <= time.monotonic() - began < seconds + 2


def test_an_answer_may_name_a_long_address_several_times() -> None:
    def link(request: Request) -> None:
        request.answer(Cache_Control=LIVE, Link=request.path * 5, Location=request.path)

    origin = {"Origin": "http://" + "x" * 248}
    with upstream(link) as server, Edge([server.server_port], 1) as edge:
        for path in ("/products?x=", "/elsewhere?x="):
            full = path + "y" * (4000 - len(path))
            for headers in (origin, {}):
                response = edge.get(full, headers=headers)
                assert (response.status_code, response.headers["Link"]) == (200, full * 5)
            assert edge.get(full + "y").status_code == 414
        assert edge.get("/products", headers={"Origin": "http://" + "x" * 249}).status_code == 400
        assert len(server.seen) == 4
        assert "buffer" not in edge.errors()

"""What the edge keeps, sends again and shows when services of the test fail in a way of their own."""

from collections.abc import Iterator

import pytest
import requests

from tests.e2e.upstream import KEPT, Request, Upstream, upstream
from tests.edge import Edge

ANYTHING = "application/json, */*"


def live(request: Request) -> None:
    request.answer(Cache_Control=KEPT, X_Data_Source="live")


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
        return edge.get(path, headers={"Accept": accept}).headers["X-Cache"]  # type: ignore[dict-item]

    assert [ask(accept), ask(accept), ask(ANYTHING)] == ["MISS", "HIT", "HIT"]


@pytest.mark.parametrize("path", ["/products/D?format=api", "/products/D?format=", "/products/D"])
def test_a_way_to_ask_for_anything_else_is_not(edge: Edge, path: str) -> None:
    accept = "text/html" if path.endswith(("D", "=")) else None
    for _ in range(2):
        assert edge.get(path, headers={"Accept": accept}).headers["X-Cache"] == "BYPASS"  # type: ignore[dict-item]


@pytest.mark.parametrize("path", ["/products/A", "/elsewhere", "/breakers/database", "/admin/"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_a_write_is_sent_once(method: str, path: str) -> None:
    def drop(request: Request) -> None:
        request.close_connection = True

    with upstream(drop) as one, upstream(drop) as two, Edge([one.server_port, two.server_port], 1) as edge:
        assert requests.request(method, edge.url + path, json={}, timeout=10).status_code == 503
        assert one.seen + two.seen == [f"{method} {path}"]
        assert edge.get(path).status_code == 503
        assert len(one.seen + two.seen) > 2

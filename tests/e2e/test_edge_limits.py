"""What one client may do to the edge, and what the edge answers by itself."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse

import pytest
import requests

from service.caching import LIVE
from tests.e2e import raw_http
from tests.e2e.services import eventually, free_port
from tests.e2e.upstream import Request, Upstream, upstream
from tests.edge import Edge

OPERATOR = "192.0.2.1"
OWN = "http://localhost:4200"


def behave(request: Request) -> None:
    if request.path == "/ads?slow":
        time.sleep(4)
    request.answer(Cache_Control=LIVE, X_Data_Source="live")


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    with upstream(behave) as server:
        yield server


@pytest.fixture(scope="module")
def edge(service: Upstream) -> Iterator[Edge]:
    with Edge([service.server_port], service.server_port, TRUSTED_PROXIES="1", EDGE_OPERATORS=OPERATOR) as edge:
        yield edge


def ask(edge: Edge, *head: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request that is sent as it is."""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as client:
        client.sendall("\r\n".join([*head, "Host: localhost", "Connection: close", "", ""]).encode("latin-1"))
        response = HTTPResponse(client, method=head[0].split()[0])
        response.begin()
        return response.status, dict(response.headers), response.read()


def statuses(edge: Edge, addresses: list[str], path: str = "/reviews", method: str = "POST") -> set[int]:
    """Of a request from each of these addresses, at once."""

    def ask(address: str) -> int:
        url, headers = edge.url + path, {"X-Forwarded-For": address}
        return requests.request(method, url, headers=headers, timeout=20).status_code

    with ThreadPoolExecutor(20) as pool:
        return set(pool.map(ask, addresses))


@pytest.mark.parametrize("network", ["::ffff:198.18.0.{}", "[::ffff:198.18.1.{}]:80", "2001::{}:1:1:1:1", "2001:{}::1"])
def test_networks_do_not_share_a_limit(edge: Edge, network: str) -> None:
    assert statuses(edge, [network.format(number) for number in range(1, 151)]) == {200}


@pytest.mark.parametrize(
    "spellings",
    [
        ["2001:db8::1", "2001:db8:0:0:1::"],
        ["2001:db8:1::1", "2001:db8:1:0:1::", "2001:db8:1:0:1:2:3:4"],
        ["2001:db8:2:3::1", "2001:db8:2:3:4:5:6:7"],
        ["198.18.2.1", "::ffff:198.18.2.1"],
    ],
)
def test_a_network_has_one_limit_however_it_is_written(edge: Edge, spellings: list[str]) -> None:
    assert statuses(edge, spellings[:1] * 41) == {200}  # the burst, and one
    for spelling in spellings:
        assert 429 in statuses(edge, [spelling] * 20)


def test_a_basket_is_a_read(edge: Edge) -> None:
    assert statuses(edge, ["198.18.3.1"] * 150, "/recommendations") == {200}
    assert 429 in statuses(edge, ["198.18.3.1"] * 450, "/recommendations")
    assert statuses(edge, [OPERATOR] * 450, "/recommendations") == {200}


def test_reads_with_parameters_are_limited_and_others_hardly(edge: Edge) -> None:
    assert 429 in statuses(edge, ["198.18.3.2"] * 450, "/products?limit=5", "GET")
    assert statuses(edge, ["198.18.3.2"] * 450, "/products", "GET") == {200}
    assert statuses(edge, [OPERATOR] * 450, "/products?limit=5", "GET") == {200}


def test_requests_of_one_address_at_a_time_are_limited(edge: Edge) -> None:
    slow = raw_http.get("/ads?slow", "X-Forwarded-For: 198.18.3.3")
    with raw_http.clients(edge, 230, slow):  # some may be answered early
        eventually(lambda: statuses(edge, ["198.18.3.3"], "/ads", "GET") == {429})
        assert statuses(edge, ["198.18.3.4", OPERATOR], "/ads", "GET") == {200}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("header", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_read_with_a_body_is_refused_before_the_body_comes(edge: Edge, method: str, header: str) -> None:
    for path in ("/ads", "/products"):
        began = time.monotonic()
        assert ask(edge, f"{method} {path} HTTP/1.1", header)[0] == 400
        assert time.monotonic() - began < 2
        assert ask(edge, f"{method} {path} HTTP/1.1", "Content-Length: 0")[0] == 200


@pytest.mark.parametrize(
    "parameters",
    ["limit=200", "limit=1000", "limit=", "limit=x", "limit=5&limit=1000", "l%69mit=1000", "limit=%31000"],
)
def test_long_lists_are_not_kept(edge: Edge, parameters: str) -> None:
    for _ in range(2):
        assert edge.get(f"/reviews?{parameters}").headers["X-Cache"] == "BYPASS"


@pytest.mark.parametrize(
    "parameters", ["limit=199", "limit=5&skip=5000", "skip=5", "asin=%41", "reviewerID=5&limit=20"]
)
def test_short_lists_are(edge: Edge, parameters: str) -> None:
    assert [edge.get(f"/reviews?{parameters}").headers["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]


def test_reads_with_parameters_push_out_each_other_only(edge: Edge) -> None:
    def files(kind: str) -> int:
        return sum(each.is_file() for each in (edge.folder / "edge/cache" / kind).rglob("*"))

    pages, lists = files("pages"), files("lists")
    for number in range(10):
        edge.get(f"/products?skip={number}")
    edge.get("/products/ONE")
    assert (files("pages"), files("lists")) == (pages + 1, lists + 10)


def test_origins_that_somebody_made_up_are_not_kept(edge: Edge) -> None:
    def cache(origin: str) -> str:
        return edge.get("/products/O", headers={"Origin": origin}).headers["X-Cache"]

    assert [cache(OWN), cache(OWN)] == ["MISS", "HIT"]
    assert [cache("http://evil.example"), cache("http://evil.example")] == ["BYPASS"] * 2


OUTSIDE = "X-Forwarded-For: 203.0.113.7"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (["GET /a%00b HTTP/1.1"], 400),
        (["GET /x/../y HTTP/1.1"], 400),
        (["POST /x/../y HTTP/1.1"], 400),
        (["GET /ads HTTP/1.1", "Content-Length: 5"], 400),
        (["POST /ads HTTP/1.1", "Content-Length: x"], 400),
        (["GET /ads HTTP/1.1", f"X: {'x' * 9000}"], 400),
        (["GET /admin/x.html HTTP/1.1", OUTSIDE], 403),
        (["POST /admin/x.html HTTP/1.1", OUTSIDE], 403),
        (["GET /_edge/malformed.json HTTP/1.1"], 404),
        (["TRACE /x.html HTTP/1.1"], 405),
        (["GET /products/ONE HTTP/1.1", 'If-Match: "x"'], 412),
        (["POST /reviews HTTP/1.1", "Content-Length: 1000001"], 413),
        ([f"GET /{'x' * 5000} HTTP/1.1"], 414),
        ([f"GET /{'x' * 9000} HTTP/1.1"], 414),
        (["POST /ads HTTP/1.1", "Transfer-Encoding: x"], 501),
        (["GET /ads HTTP/3.0"], 505),
    ],
    ids=lambda value: str(value)[2:40],
)
def test_the_edge_answers_like_a_service(edge: Edge, head: list[str], status: int) -> None:
    edge.get("/products/ONE")
    found, headers, body = ask(edge, *head, f"Origin: {OWN}")
    assert found == status
    assert_is_own(headers, body)
    is_understood = status not in (414, 505) and "x" * 9000 not in head[-1] and "%00" not in head[0]
    if is_understood:
        assert headers["Access-Control-Allow-Origin"] == OWN
        assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in ask(edge, *head, "Origin: http://evil.example")[1]


def assert_is_own(headers: dict[str, str], body: bytes) -> None:
    assert list(json.loads(body)) == ["detail"]
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Request-ID"]
    assert headers["Vary"] == "Accept, Origin"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/admin/", 403, "Your address may not do this."),
        ("/_edge/unknown.json", 404, "Not found."),
        (f"/{'x' * 5000}", 414, "The address is longer than 4000 bytes."),
    ],
)
def test_a_browser_gets_a_page(edge: Edge, path: str, status: int, sentence: str) -> None:
    headers = {"Accept": BROWSER, "X-Forwarded-For": "203.0.113.7"}
    response = edge.get(path, headers=headers)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f"<title>{sentence}</title>" in response.text
    assert '<html lang="en">' in response.text
    assert '<a href="/">' in response.text
    assert response.headers["Vary"] == "Accept, Origin"
    for accept in ("*/*", "application/json, text/html", None):
        assert edge.get(path, headers=headers | {"Accept": accept}).json() == {"detail": sentence}


def test_a_page_offers_another_try_of_a_read_only() -> None:
    with Edge([free_port()], 1) as edge:
        read = edge.get("/item/A", headers={"Accept": BROWSER})
        write = edge.post("/item/A", headers={"Accept": BROWSER})
    for response, again in ((read, True), (write, False)):
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert "<h1>The service is unavailable.</h1>" in response.text
        assert ('<a href="">Try again</a>' in response.text) == again


def test_the_log_has_the_method_of_what_the_edge_answers(edge: Edge) -> None:
    for path, headers in (("/admin/logged", {"X-Forwarded-For": "203.0.113.7"}), (f"/{'y' * 4000}", {})):
        edge.post(path, headers=headers)
        eventually(lambda path=path: edge.requests()[-1]["path"] == path, 3)  # type: ignore[misc]
        assert edge.requests()[-1]["method"] == "POST"


def test_the_edge_is_alive_whatever_is_behind_it() -> None:
    with Edge([free_port()], free_port()) as edge:
        assert [edge.get(path).status_code for path in ("/livez", "/readyz")] == [503, 503]
        for url in (edge.url, edge.ads_url):
            for _ in range(2):
                response = requests.get(f"{url}/_edge/livez", timeout=10)
                assert (response.status_code, response.json()) == (200, {"status": "alive"})
                assert response.headers["Cache-Control"] == "private, no-store"
        edge.get("/logged")
        eventually(lambda: edge.requests()[-1]["path"] == "/logged", 3)
        assert "/_edge/livez" not in [each["path"] for each in edge.requests()]


def test_so_it_does_when_there_is_too_much_or_nobody() -> None:
    with Edge([free_port()], 1) as edge:
        for method in ("GET", "POST", "DELETE"):
            response = requests.request(method, f"{edge.url}/products/A", headers={"Origin": OWN}, timeout=10)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
            assert_is_own(dict(response.headers), response.content)
            assert response.headers["Access-Control-Allow-Origin"] == OWN


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        (b"/%ff%fe", "/%ff%fe"),
        (b"/a\xff\xfe/b", "/a"),
        (b"/a%22b", "/a%22b"),
        (b'/a"b', '/a"b'),
        (b"/ads?viewer=secret", "/ads"),
    ],
)
def test_the_log_is_json_whatever_is_asked_for(edge: Edge, path: bytes, logged: str) -> None:
    ask(edge, f"GET {path.decode('latin-1')} HTTP/1.1", f"X-Request-ID: log-{logged}")
    eventually(lambda: edge.requests()[-1]["path"] == logged, 3)

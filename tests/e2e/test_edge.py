"""nginx in front of the services: what it keeps, what it shows while they are away, and whom it lets through."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e import raw_http
from tests.e2e.admin import Admin
from tests.e2e.services import RESET, Postgres, Service, eventually
from tests.edge import Edge

OUTSIDE, OPERATOR = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "192.0.2.1"}
Found = tuple[int, str | None, str | None]


@pytest.fixture(scope="module")
def shop(postgres: Postgres, ad_provider: Service) -> dict[str, str]:
    return {
        "DATABASE_URL": postgres.url,
        "AD_PROVIDER_URL": ad_provider.url,
        "TRUSTED_PROXIES": "1",
        "SABOTAGE": "on",
        "STALE_MAX_AGE": "60",
    }


@pytest.fixture(scope="module")
def recommender(shop: dict[str, str]) -> Iterator[Service]:
    with Service("recommender_site", **shop) as service:
        yield service


@pytest.fixture(scope="module")
def edge(recommender: Service, ad_provider: Service) -> Iterator[Edge]:
    """An edge behind one proxy, the test, which tells the client's address."""
    with Edge([recommender.port], ad_provider.port, TRUSTED_PROXIES="1", EDGE_OPERATORS="192.0.2.0/24") as edge:
        yield edge


def found(response: requests.Response) -> Found:
    return response.status_code, response.headers.get("X-Data-Source"), response.headers.get("X-Cache")


def test_a_read_is_kept_for_a_second(edge: Edge, asins: list[str]) -> None:
    path = f"/products/{asins[0]}"
    first, second = edge.get(path), edge.get(path)
    assert (found(first), found(second)) == ((200, "live", "MISS"), (200, "live", "HIT"))
    assert first.content == second.content
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert second.headers["Date"] == first.headers["Date"]
    time.sleep(2.1)  # nginx counts whole seconds
    edge.get(path)
    eventually(lambda: edge.get(path).headers["Date"] != first.headers["Date"])


def test_a_crowd_is_one_request_to_the_service(edge: Edge, asins: list[str]) -> None:
    path = f"/products/{asins[1]}/reviews"
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: edge.get(path), range(60)))
    assert {each.status_code for each in answers} == {200}
    asked = [each for each in edge.requests() if each["path"] == path and each["upstream"]]
    assert len(asked) <= 5  # one a second


@pytest.mark.parametrize("path", ["/ads", "/", "/breakers", "/status", "/reviewers/R1/recommendations"])
def test_other_answers_are_not_kept(edge: Edge, path: str) -> None:
    assert {found(edge.get(path))[::2] for _ in range(3)} <= {(200, None), (200, "MISS")}


def test_what_a_user_or_a_browser_gets_is_not_kept(edge: Edge, asins: list[str], admin: Admin) -> None:
    path = f"/products/{asins[2]}"
    edge.get(path)
    for headers in (admin.token, {"Cookie": "a=b;\tSessionid=x"}, {"Accept": "text/html"}):
        assert edge.get(path, headers=headers).headers["X-Cache"] == "BYPASS"
    assert "text/html" in edge.get(f"{path}?format=api").headers["Content-Type"]
    assert edge.get(path, headers={"Accept": "application/json; indent=4"}).headers["X-Cache"] == "BYPASS"
    assert edge.get(path, headers={"Authorization": "Token wrong"}).status_code == 401
    assert edge.get(path, headers={"Accept": "image/png"}).status_code == 406
    for accept in ("application/json, text/plain, */*", "application/json", "*/*"):
        assert edge.get(path, headers={"Accept": accept}).headers["X-Cache"] in ("HIT", "UPDATING", "STALE")
    assert edge.get(path, headers={"Cookie": "_ga=1"}).headers["X-Cache"] in ("HIT", "UPDATING", "STALE")


def test_each_origin_has_answers_of_its_own(edge: Edge, asins: list[str]) -> None:
    path, own = f"/products/{asins[3]}", "http://localhost:4200"
    edge.get(path)
    for _ in range(2):
        assert edge.get(path, headers={"Origin": own}).headers["Access-Control-Allow-Origin"] == own
        assert "Access-Control-Allow-Origin" not in edge.get(path, headers={"Origin": "http://evil.example"}).headers


def test_a_client_that_has_the_answer_gets_a_304_compressed_or_not(edge: Edge) -> None:
    plain = edge.get("/products", headers={"Accept-Encoding": "identity"})
    packed = edge.get("/products", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert (packed.content, packed.headers["ETag"]) == (plain.content, plain.headers["ETag"])
    again = edge.get("/products", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_kept_answers_go_on_while_the_recommender_is_gone(
    shop: dict[str, str], ad_provider: Service, asins: list[str]
) -> None:
    paths = [f"/products/{asins[0]}", "/products", f"/products/{asins[0]}/reviews", "/recommendations/popular"]
    recommender = Service("recommender_site", **shop)
    with Edge([recommender.port], ad_provider.port) as edge:
        known = {path: edge.get(path).content for path in paths}
        recommender.kill()
        for path in paths * 5:
            response = edge.get(path)
            assert (response.status_code, response.content) == (200, known[path])
        time.sleep(13)  # longer than stale-while-revalidate
        for path in paths * 2:
            response = edge.get(path)
            assert found(response) == (200, "stale", "STALE")
            assert response.content == known[path]
        unknown = edge.get(f"/products/{asins[9]}")
        assert (unknown.status_code, unknown.json()) == (503, {"detail": "The service is unavailable."})
        assert (unknown.headers["Retry-After"], bool(unknown.headers["X-Request-ID"])) == ("1", True)
        assert edge.get("/ads").status_code == 503
        with Service("recommender_site", recommender.port, **shop):
            for path in ("/ads", paths[0]):
                eventually(lambda path=path: found(edge.get(path))[:2] == (200, "live"))  # type: ignore[misc]


def test_kept_answers_go_on_while_the_recommender_hangs(
    shop: dict[str, str], ad_provider: Service, asins: list[str]
) -> None:
    path = f"/products/{asins[0]}"
    with Service("recommender_site", **shop) as recommender, Edge([recommender.port], ad_provider.port) as edge:
        edge.get(path)
        recommender.signal(signal.SIGSTOP)
        try:
            for pause in (0.0, 2.0, 10.0):  # within and after stale-while-revalidate
                time.sleep(pause)
                began = time.monotonic()
                assert edge.get(path).status_code == 200
                assert time.monotonic() - began < 5
            assert found(edge.get(path))[:2] == (200, "stale")
        finally:
            recommender.signal(signal.SIGCONT)
        eventually(lambda: found(edge.get("/products"))[:2] == (200, "live"))


def test_stale_and_default_answers_pass_for_what_they_are(
    edge: Edge, recommender: Service, postgres: Postgres, asins: list[str]
) -> None:
    known, unknown = f"/products/{asins[4]}", f"/products/{asins[5]}"
    edge.get(known)
    postgres.stop()
    try:
        time.sleep(1.5)
        eventually(lambda: found(edge.get(known))[:2] == (200, "stale"))
        assert found(edge.get(unknown))[:2] == (200, "default")
        recommender.signal(signal.SIGSTOP)  # the edge has only what replaced the live answer
        time.sleep(2.1)
        assert found(edge.get(known)) == (200, "stale", "STALE")
        assert found(edge.get(unknown)) == (200, "default", "STALE")
    finally:
        recommender.signal(signal.SIGCONT)
        postgres.start()
    time.sleep(RESET)
    for path in (known, unknown):
        eventually(lambda path=path: found(edge.get(path))[:2] == (200, "live"))  # type: ignore[misc]


def crowd(count: int, call: Callable[[], requests.Response]) -> dict[int, requests.Response]:
    """One response of each status, of ``count`` requests at once."""
    with ThreadPoolExecutor(20) as pool:
        return {each.status_code: each for each in pool.map(lambda _: call(), range(count))}


def test_writes_of_one_address_are_limited(edge: Edge) -> None:
    def post(headers: dict[str, str]) -> requests.Response:
        return edge.post("/reviews", json={}, headers=headers)

    assert set(crowd(40, lambda: post(OUTSIDE))) == {401}  # the burst
    answers = crowd(150, lambda: post(OUTSIDE))
    assert set(answers) == {401, 429}
    assert answers[429].json() == {"detail": "Too many requests from your address."}
    assert (answers[429].headers["Retry-After"], bool(answers[429].headers["X-Request-ID"])) == ("1", True)
    assert set(crowd(20, lambda: post({"X-Forwarded-For": "203.0.113.8"}))) == {401}
    assert set(crowd(100, lambda: post(OPERATOR))) == {401}
    assert set(crowd(200, lambda: edge.get("/products", headers=OUTSIDE))) == {200}


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/login", "//accounts/login/"])
def test_sign_ins_of_one_address_are_limited(edge: Edge, path: str) -> None:
    address = {"X-Forwarded-For": f"203.0.113.{10 + len(path)}"}
    assert 429 in crowd(35, lambda: edge.post(path, data={}, headers=address))


@pytest.mark.parametrize("path", ["/admin/", "/admin", "/admin/login/", "/metrics", "/metrics/", "//admin/"])
def test_only_operators_reach_what_is_theirs(edge: Edge, path: str) -> None:
    refused = edge.get(path, headers=OUTSIDE)
    assert (refused.status_code, refused.json()) == (403, {"detail": "Your address may not do this."})
    assert edge.get(path, headers=OPERATOR).status_code in (200, 404)  # //admin/ is no path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/%61dmin/", 403),
        ("/%6detrics", 403),
        ("/products/..%2fadmin/", 400),
        ("/x/../admin/", 400),
        ("/admin/../products", 400),
        ("/admin/%2E%2e/products", 400),
        ("/admin/login/..", 400),
        ("/./metrics", 400),
        ("/%zz", 400),
        ("/a%00b", 400),
        (f"/{'x' * 4000}", 414),
        (f"/{'x' * 9000}", 414),
    ],
)
def test_no_other_spelling_leads_there(edge: Edge, path: str, status: int) -> None:
    request = raw_http.get(path, "X-Forwarded-For: 203.0.113.7", "Connection: close")
    answer = raw_http.say(edge, request)
    assert raw_http.status(answer) == status
    assert b'{"detail": "' in answer


def test_only_operators_override_breakers(edge: Edge, admin: Admin) -> None:
    def override(headers: dict[str, str], path: str = "/breakers/database") -> int:
        return edge.post(path, json={"action": "reset"}, headers=headers | admin.token).status_code

    assert edge.get("/breakers/database", headers=OUTSIDE).status_code == 200
    assert [override(OUTSIDE), override(OUTSIDE, "/breakers/database/"), override(OUTSIDE, "//breakers/database")] == [
        403
    ] * 3
    assert override(OPERATOR) == 200


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("192.0.2.1", 200),
        ("203.0.113.7, 192.0.2.1", 200),
        ("203.0.113.7,192.0.2.1:4711", 200),
        ("192.0.2.1, 203.0.113.7", 403),
        ("192.0.2.1, ", 403),
        ("192.0.2.1, [2001:db8::1]:80", 403),
        ("192.0.2.1, 192.0.2.x", 403),
        ("192.0.2.1 192.0.2.1x", 403),
    ],
)
def test_the_entry_of_the_trusted_proxy_counts(edge: Edge, forwarded: str, status: int) -> None:
    assert edge.get("/metrics", headers={"X-Forwarded-For": forwarded}).status_code == status


def test_without_trusted_proxies_the_header_means_nothing(recommender: Service, ad_provider: Service) -> None:
    with Edge([recommender.port], ad_provider.port, EDGE_OPERATORS="192.0.2.1") as edge:
        assert edge.get("/metrics", headers=OPERATOR).status_code == 403
        eventually(lambda: edge.requests()[-1]["client"] == "127.0.0.1")


def test_each_request_has_one_id_everywhere(edge: Edge) -> None:
    own = edge.get("/ads", headers={"X-Request-ID": "mine-1"})
    assert own.headers["X-Request-ID"] == "mine-1"
    invalid = edge.get("/ads", headers={"X-Request-ID": "not sane"}).headers["X-Request-ID"]
    assert invalid != "not sane"
    eventually(lambda: edge.requests()[-1]["request_id"] == invalid)


def test_a_body_over_the_limit_is_refused_in_json(edge: Edge) -> None:
    response = edge.post("/reviews", data=b" " * 1_000_001, headers=OPERATOR)
    assert (response.status_code, response.json()) == (413, {"detail": "The body is larger than 1000000 bytes."})

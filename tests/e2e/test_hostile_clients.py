"""Clients that send too much or invalid data: no effect on others, on breakers or on memory."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import orjson
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.raw_http import CHUNKED, post, say, status
from tests.e2e.services import Postgres, Service
from tests.e2e.test_slow_clients import assert_alive

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def service(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    # On a busy machine the ad provider may need more than the usual half second.
    env = {"DATABASE_URL": postgres.url, "AD_PROVIDER_URL": ad_provider.url, "AD_DEADLINE": "2"}
    with Service("recommender_site", **env) as started:
        yield started
        assert set(started.get("/readyz").json()["dependencies"].values()) == {"closed"}


def memory(service: Service) -> int:
    """The memory of the worker processes in bytes."""
    return sum(worker.memory_info().rss for worker in psutil.Process(service.process.pid).children())


def test_large_bodies_are_refused_and_do_not_grow_the_memory(service: Service) -> None:
    body = b'{"asin": "' + b"A" * 10 * MEGABYTE + b'"}'
    service.get("/products")
    before = memory(service)
    for path in ("/reviews", "/products", "/ads", "/breakers/database", "/admin/login/", "/sabotage-db"):
        for _ in range(3):
            assert status(say(service, post(path, body))) in (400, 404, 413)
    chunks = b"".join(b"10000\r\n" + b"A" * 0x10000 + b"\r\n" for _ in range(160)) + b"0\r\n\r\n"
    assert status(say(service, CHUNKED, chunks)) == 413
    assert memory(service) - before < 20 * MEGABYTE


BODIES = {
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "bad utf-8": b'{"asin": "\xff\xfe\xc3"}',
    "lone surrogate": b'{"asin": "\\ud800", "overall": 5}',
    "nul": b'{"asin": "A\\u0000B", "overall": 5}',
    "huge number": b'{"overall": ' + b"9" * 100_000 + b"}",
    "huge exponent": b'{"overall": 1e999999999}',
    "not a number": b'{"overall": NaN}',
    "no json": b"\x00\x01\x02",
    "many keys": b"{" + b",".join(b'"%d": 1' % n for n in range(60_000)) + b"}",
    "empty": b"",
}


@pytest.mark.parametrize("kind", BODIES)
def test_an_invalid_body_is_a_400(service: Service, kind: str, token: dict[str, str]) -> None:
    for path in ("/reviews", "/products", "/breakers/database"):
        answer = say(service, post(path, BODIES[kind], f"Authorization: {token['Authorization']}"))
        assert 400 <= status(answer) < 500, answer[:300]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/recommendations", b'{"asins": [%s""]}' % (b'"",' * 300_000)),
        ("/reviews", b'{"asin": "A", "overall": 5, "helpful": [%s1]}' % (b'"",' * 300_000)),
        ("/products", b'{"asin": "A", "categories": [%s""]}' % (b'"",' * 300_000)),
        ("/products", b'{"asin": "A", "related": {%s"x": ""}}' % b"".join(b'"%d": [""],' % n for n in range(60_000))),
    ],
    ids=["asins", "helpful", "categories", "related"],
)
def test_a_long_list_costs_no_more_than_its_bytes(
    service: Service, token: dict[str, str], path: str, body: bytes
) -> None:
    request = post(path, body, f"Authorization: {token['Authorization']}")
    before = memory(service)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(say, service, request) for _ in range(24)]
        for _ in range(5):
            assert_alive(service, within=1)
    for answer in answers:
        assert status(answer.result()) == 400
        assert len(answer.result()) < 2000
    assert memory(service) - before < 300 * MEGABYTE


@pytest.mark.parametrize(
    "head",
    [
        b"POST /reviews HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /<script> HTTP/1.1\r\nHost: localhost\r\nX-Odd: <b>\x01</b>\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: <b>\x01\r\n\r\n",
        b"<script> / HTTP/1.1\r\n\r\n",
    ],
)
def test_invalid_http_is_refused_without_repeating_it(service: Service, head: bytes) -> None:
    answer = say(service, head)
    lines, _, body = answer.partition(b"\r\n\r\n")
    assert (status(answer), orjson.loads(body)) == (400, {"detail": "Bad Request"})
    assert b"\r\nContent-Type: application/json\r\nX-Request-ID: " in lines


HEAD_TEXT = st.binary(max_size=60) | st.sampled_from(
    [b"%00", b"%ff%fe", b"..%2f..%2f", b"\x00", b"%F0%9F%98%80", b"9" * 5000, b"a=1&" * 500, b"' OR 1=1 --"]
)
HEADERS = st.sampled_from(
    b"Accept Authorization Content-Length Content-Type Cookie Expect Host If-Match Origin Range Referer"
    b" Transfer-Encoding X-CSRFToken X-Forwarded-Proto X-Request-ID".split()
)
PATHS = st.sampled_from(b"/products /products/ /reviews?asin= /ads?limit= /breakers/ /admin/ /".split())
METHODS = st.sampled_from(b"GET POST PUT PATCH DELETE OPTIONS HEAD TRACE BREW".split())


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    method=METHODS,
    path=PATHS,
    rest=HEAD_TEXT,
    headers=st.lists(st.tuples(HEADERS, HEAD_TEXT), max_size=5),
    body=st.binary(max_size=200),
)
def test_no_bytes_cause_a_server_error(
    service: Service, method: bytes, path: bytes, rest: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    head = method + b" " + path + rest + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    answer = say(service, head + lines + b"\r\n" + body)
    assert status(answer) < 500, (head, lines, answer[:300])
    assert service.state("database") == "closed"


@pytest.mark.parametrize("path", ["/nowhere", "/accounts/login/", "/admin/login/", "/reviews"])
@pytest.mark.parametrize("host", ["localhost", "elsewhere.example"])
def test_a_form_without_a_boundary_is_a_400(service: Service, path: str, host: str) -> None:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: multipart/form-data", "Content-Length: 2"]
    answer = say(service, "\r\n".join([*lines, "Cookie: csrftoken=x", "", "ab"]).encode())
    assert 400 <= status(answer) < 500, answer


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "HEAD"])
@pytest.mark.parametrize("path", ["/docs", "/schema?version=%00", "/schema?lang=%00&format=%00", "/status", "/"])
def test_odd_requests_to_pages_cause_no_server_error(service: Service, method: str, path: str) -> None:
    answer = say(service, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert 200 <= status(answer) < 500, answer


def test_random_bytes_are_answered_or_end_the_connection(service: Service) -> None:
    rng = random.Random(1)
    for _ in range(200):
        assert status(say(service, rng.randbytes(rng.randrange(1, 5000)))) < 500

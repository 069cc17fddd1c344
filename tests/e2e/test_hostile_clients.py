"""Clients that send too slowly, too much or nonsense: nobody else notices, no breaker opens, and the memory stays."""

import random
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.services import Postgres, Service, eventually

SLOW = 40  # five for each thread
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def service(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    env = {"DATABASE_URL": postgres.url, "AD_PROVIDER_URL": ad_provider.url}
    deadlines = {"DB_DEADLINE": "10", "AD_DEADLINE": "10"}  # a busy machine is not to open a breaker
    with Service("recommender_site", **env, **deadlines) as started:
        yield started
        assert set(started.get("/readyz").json()["dependencies"].values()) == {"closed"}


def say(service: Service, *parts: bytes) -> bytes:
    """What is answered, all of it, to what is said and then no more."""
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        try:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            while got := client.recv(65536):
                answer += got
        except (ConnectionResetError, BrokenPipeError):  # it has stopped listening
            pass
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def post(path: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {size}"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def memory(service: Service) -> int:
    """Bytes of its worker processes."""
    return sum(worker.memory_info().rss for worker in psutil.Process(service.process.pid).children())


def answers(service: Service, within: float) -> bool:
    try:
        return requests.get(f"{service.url}/livez", timeout=within).ok
    except requests.Timeout:
        return False


CHUNKED = b"POST /reviews HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "begun",
    [b"", b"G", b"GET /products HTTP/1.1\r\nHost: local", post("/reviews", b'{"asin": ', length=5000), CHUNKED],
    ids=["nothing", "a letter", "half a head", "half a body", "chunks"],
)
def test_slow_clients_hold_no_thread(service: Service, begun: bytes) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in range(SLOW)]
        for client in slow:
            client.sendall(begun)
        for _ in range(20):
            for client in slow:
                with suppress(OSError):  # whoever was refused
                    client.sendall(b"x"[: len(begun)])
            started = time.monotonic()
            assert service.get("/products?limit=1").status_code == 200
            assert time.monotonic() - started < 1


def test_clients_that_do_not_hang_up_hold_nobody_up(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        started = time.monotonic()
        assert service.get("/livez").ok
        assert time.monotonic() - started < 1


def test_a_request_that_never_ends_is_ended(service: Service) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Drip: ")
        try:
            while time.monotonic() - started < 25:
                client.sendall(b"x")
                time.sleep(0.5)
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert time.monotonic() - started < 20


def test_requests_that_come_together_are_answered_one_by_one(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as client:
        client.sendall(post("/reviews", b"{}") + b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /rea")
        answer = b""
        while b"alive" not in answer:
            answer += client.recv(65536)
        client.sendall(b"dyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while b"ready" not in answer:
            answer += client.recv(65536)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"401", b"200", b"200"]


def test_a_body_without_a_length_is_refused(service: Service) -> None:
    answer = say(service, CHUNKED, b"2\r\n{}\r\n0\r\n\r\n")
    assert status(answer) == 411
    assert b"Content-Length" in answer


def test_who_waits_to_be_asked_for_the_body_is_asked(service: Service) -> None:
    body = b'{"asin": "A"}'
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as client:
        client.sendall(post("/reviews", b"", "Expect: 100-continue", length=len(body)))
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        answer = b""
        while b"HTTP/1.1 401" not in answer:
            got = client.recv(65536)
            assert got
            answer += got


def test_clients_that_do_not_read_their_answers_are_let_go(service: Service) -> None:
    request = b"GET /products?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(8):  # one for each thread
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", service.port))
            client.sendall(request * 500)
        eventually(lambda: not answers(service, within=1))  # each thread is held now
        started = time.monotonic()
        assert answers(service, within=30)
        assert time.monotonic() - started < 20


def test_large_bodies_are_refused_and_leave_no_trace(service: Service) -> None:
    body = b'{"asin": "' + b"A" * 10 * MEGABYTE + b'"}'
    service.get("/products")
    before = memory(service)
    for path in ("/reviews", "/products", "/ads", "/breakers/database", "/admin/login/", "/sabotage-db"):
        for _ in range(3):
            assert status(say(service, post(path, body))) in (0, 400, 404, 413)
    chunks = b"".join(b"10000\r\n" + b"A" * 0x10000 + b"\r\n" for _ in range(160)) + b"0\r\n\r\n"
    assert status(say(service, CHUNKED, chunks)) in (0, 411)
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
def test_nonsense_in_a_body_is_the_clients_fault(service: Service, kind: str, token: dict[str, str]) -> None:
    for path in ("/reviews", "/products", "/breakers/database"):
        answer = say(service, post(path, BODIES[kind], f"Authorization: {token['Authorization']}"))
        assert 400 <= status(answer) < 500, answer[:300]


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
def test_any_bytes_at_all_end_in_no_server_error(
    service: Service, method: bytes, path: bytes, rest: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    head = method + b" " + path + rest + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    answer = say(service, head + lines + b"\r\n" + body)
    assert status(answer) < 500, (head, lines, answer[:300])
    assert service.state("database") == "closed"


@pytest.mark.parametrize("path", ["/nowhere", "/accounts/login/", "/admin/login/", "/reviews"])
@pytest.mark.parametrize("host", ["localhost", "elsewhere.example"])
def test_a_form_without_a_boundary_is_the_clients_fault(service: Service, path: str, host: str) -> None:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: multipart/form-data", "Content-Length: 2"]
    answer = say(service, "\r\n".join([*lines, "Cookie: csrftoken=x", "", "ab"]).encode())
    assert 400 <= status(answer) < 500, answer


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "HEAD"])
@pytest.mark.parametrize("path", ["/docs", "/schema?version=%00", "/schema?lang=%00&format=%00", "/status", "/"])
def test_odd_questions_to_the_pages_end_in_no_server_error(service: Service, method: str, path: str) -> None:
    answer = say(service, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert 200 <= status(answer) < 500, answer


def test_mere_noise_is_answered_or_hung_up_on(service: Service) -> None:
    rng = random.Random(1)
    for _ in range(200):
        assert status(say(service, rng.randbytes(rng.randrange(1, 5000)))) < 500

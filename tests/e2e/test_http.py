"""HTTP on the wire: bodies with and without a length, pipelining, and refused requests."""

import re
import socket
from collections.abc import Iterator

import pytest
import requests

from tests.e2e.raw_http import CHUNKED, clients, get, post, say, status
from tests.e2e.services import Postgres, Service

MEGABYTE = 1_000_000
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service(postgres: Postgres) -> Iterator[Service]:
    with Service("recommender_site", DATABASE_URL=postgres.url) as started:
        yield started


def receive_until(client: socket.socket, pattern: bytes) -> bytes:
    answer = b""
    while not re.search(pattern, answer, re.DOTALL):
        got = client.recv(65536)
        assert got, answer
        answer += got
    return answer


def chunks(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces


def review(asin: str, name: str) -> bytes:
    return b'{"asin": "%s", "reviewerID": "%s", "overall": 4, "reviewText": "%s"}' % (
        asin.encode(),
        name.encode(),
        b"A long text. " * 500 + b"End.",
    )


def test_a_chunked_body_is_read(service: Service, token: dict[str, str], asins: list[str]) -> None:
    body = review(asins[0], "in chunks")
    pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
    answer = requests.post(f"{service.url}/reviews", chunks(*pieces), headers={**token, **JSON}, timeout=10)
    assert answer.status_code == 201
    assert answer.json()["reviewText"] == "A long text. " * 500 + "End."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"2\r\n{}\r\n0\r\n\r\n", 401),
        (b"0\r\n\r\n", 401),
        (b'0002;name=value;other="a b"\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n', 401),
        (b"2 ;name\r\n{}\r\n0\r\n\r\n", 401),
        (b"2\r\n{}0\r\n\r\n", 400),
        (b"2\n{}\n0\n\n" + b" " * 300, 400),
        (b"2 \r\n{}\r\n0\r\n\r\n", 400),
        (b" 2\r\n{}\r\n0\r\n\r\n", 400),
        (b"0x2\r\n{}\r\n0\r\n\r\n", 400),
        (b"-2\r\n{}\r\n0\r\n\r\n", 400),
        (b"\r\n{}\r\n0\r\n\r\n", 400),
        (b"2;" + b"x" * 300 + b"\r\n{}\r\n0\r\n\r\n", 400),
        (b"2\r\n{}\r\n0\r\nX-Trailer: 1\n\nGET / HTTP/1.1\r\n\r\n", 400),
        (b"fffffff\r\n{}", 413),
        (b"%x\r\n" % (MEGABYTE + 1), 413),
        ((b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n") * 16 + b"0\r\n\r\n", 413),
    ],
)
def test_chunks_are_read_strictly(service: Service, body: bytes, expected: int) -> None:
    with clients(service, 1, CHUNKED + body) as (client,):
        assert status(client.recv(65536)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: chunked\nX: y",
        "Content-Length: 2\r\nContent-Length: 2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2, 2",
        "Content-Length: +2",
        "Content-Length: -2",
        "Content-Length: 0x2",
        "Content-Length: 2_0",
        "Content-Length : 2",
        "Content-Length: " + "9" * 5000,
        "Host: elsewhere",
        " X: y",
    ],
)
def test_ambiguous_framing_is_refused(service: Service, fields: str) -> None:
    head = f"POST /reviews HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n".encode()
    answer = say(service, head, b"0\r\n\r\n", get("/livez"))
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.") == 1


def test_chunks_need_http_1_1(service: Service) -> None:
    assert status(say(service, CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"), b"0\r\n\r\n")) == 400


def test_pipelined_requests_are_answered_in_order(service: Service) -> None:
    together = post("/reviews", b"{}") + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n" + get("/livez") + b"GET /rea"
    with clients(service, 1, together) as (client,):
        answer = receive_until(client, b"alive")
        client.sendall(b"dyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer += receive_until(client, b"ready")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"401", b"401", b"200", b"200"]


def test_a_half_closed_client_gets_all_answers(service: Service) -> None:
    assert say(service, get("/livez") * 5 + b"GET /liv").count(b"HTTP/1.1 200 ") == 5


@pytest.mark.parametrize("body", [b'{"asin": "A"}', b'd\r\n{"asin": "A"}\r\n0\r\n\r\n'], ids=["length", "chunked"])
def test_expect_100_continue_is_answered(service: Service, body: bytes) -> None:
    chunked = CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    head = chunked if body.startswith(b"d") else post("/reviews", b"", "Expect: 100-continue", length=len(body))
    with clients(service, 1, head) as (client,):
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 401 ")


def test_a_refused_body_gets_no_100_continue(service: Service) -> None:
    with clients(service, 1, post("/reviews", b"", "Expect: 100-continue", length=2 * MEGABYTE)) as (client,):
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_the_sender_of_a_refused_body_gets_the_reason(service: Service) -> None:
    for body in (b"x" * 20 * MEGABYTE, chunks(*[b"x" * MEGABYTE] * 20)):
        answer = requests.post(f"{service.url}/reviews", body, timeout=10)
        assert answer.status_code == 413
        assert answer.json() == {"detail": f"The body is larger than {MEGABYTE} bytes."}
        assert answer.headers["Connection"] == "close"
        assert answer.headers["X-Request-ID"]


def test_a_body_may_be_as_large_as_the_limit(service: Service) -> None:
    body = b'"' + b"x" * (MEGABYTE - 2) + b'"'
    for sent in (body, chunks(*(body[at : at + 1000] for at in range(0, MEGABYTE, 1000)))):
        assert requests.post(f"{service.url}/reviews", sent, headers=JSON, timeout=10).status_code == 401


def test_a_head_that_is_too_large_is_refused(service: Service) -> None:
    assert status(say(service, get("/livez", *[f"X-{n}: {'x' * 8000}" for n in range(8)], "X: " + "x" * 2000))) == 431
    assert status(say(service, get("/livez?" + "x" * 5000))) == 200
    assert status(say(service, get("/livez?" + "x" * 9000))) == 414


@pytest.mark.parametrize("path", ["/livez", "/products", "/", "/docs", "/nowhere", "/static/admin/css/base.css"])
def test_head_is_get_without_the_body_and_without_a_log_line(service: Service, path: str) -> None:
    service.log.seek(0, 2)
    before = service.log.tell()
    got, told = service.get(path), requests.head(service.url + path, timeout=10)
    assert (told.status_code, told.content) == (got.status_code, b"")
    assert told.headers["Content-Type"] == got.headers["Content-Type"]
    assert told.headers.get("Content-Length") == got.headers.get("Content-Length")
    service.log.seek(before)
    assert [line for line in service.log if "HEAD" in line or "no-body" in line] == []


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO"])
def test_no_header_changes_the_path(service: Service, name: str) -> None:
    assert status(say(service, get("/livez", f"{name}: /evil"))) == 200


def test_empty_lines_before_a_request_are_dropped(service: Service) -> None:
    assert status(say(service, b"\r\n\r\n" + get("/livez"))) == 200

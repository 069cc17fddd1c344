"""The HTTP client and servers that misbehave."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from resilience import deadlines, http
from resilience.circuit import Outcome

DEADLINE = 0.3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Behavior = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Behavior], str]]:
    """Starts a server that reads the start of each request and then calls ``behave``; returns its URL."""
    with contextlib.ExitStack() as stack:

        def start(behave: Behavior) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def loop() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        threading.Thread(target=answer, args=[connection, behave], daemon=True).start()

            threading.Thread(target=loop, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"

        yield start


def answer(connection: socket.socket, behave: Behavior) -> None:
    with connection, contextlib.suppress(OSError):
        connection.recv(65536)
        behave(connection)


def drip(content: bytes) -> Behavior:
    def behave(connection: socket.socket) -> None:
        for position in range(len(content)):
            connection.sendall(content[position : position + 1])
            time.sleep(0.05)

    return behave


def say(content: bytes) -> Behavior:
    return lambda connection: connection.sendall(content)


def say_then_drip(content: bytes) -> Behavior:
    def behave(connection: socket.socket) -> None:
        connection.sendall(content)
        drip(b" " * 200)(connection)

    return behave


def say_forever(head: bytes) -> Behavior:
    def behave(connection: socket.socket) -> None:
        connection.sendall(head + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    return behave


def ask(url: str) -> http.Answer:
    with http.session(1) as session, deadlines.within(DEADLINE):
        return http.post_json(session, url, {}, headers={}, max_bytes=1000)


def test_good_response_is_returned(serve: Callable[[Behavior], str]) -> None:
    answer = ask(serve(say(HEAD + b"X-Data-Source: stale\r\nContent-Length: 2\r\n\r\n[]")))
    assert answer.body == b"[]"
    assert answer.headers["x-data-source"] == "stale"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behave", "outcome"),
    [
        (lambda connection: time.sleep(10), Outcome.SUSPECT),
        (drip(HEAD + b"\r\n[]"), Outcome.SUSPECT),
        (say_then_drip(HEAD + b"Content-Length: 200\r\n\r\n"), Outcome.SUSPECT),
        (say_forever(HEAD), Outcome.FAILURE),
        (say_forever(b"HTTP/1.1 302 Found\r\nLocation: /\r\n"), Outcome.FAILURE),
        (say_forever(b"HTTP/1.1 429 Wait\r\nRetry-After: 1\r\n"), Outcome.NEUTRAL),
        (say_forever(b"HTTP/1.1 503 Wait\r\nRetry-After: 1\r\n"), Outcome.FAILURE),
        (say(HEAD + b"Content-Length: 10\r\n\r\n[]"), Outcome.FAILURE),
        (say(HEAD + b"Content-Length: 1000000000\r\n\r\n" + b" " * 5000), Outcome.FAILURE),
        (say(b"nonsense\r\n\r\n"), Outcome.FAILURE),
        (say(b""), Outcome.FAILURE),
        (say(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), Outcome.FAILURE),
        (say(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"), Outcome.FAILURE),
        (say(b"HTTP/1.1 302 Found\r\nLocation: /\xff\r\nContent-Length: 0\r\n\r\n"), Outcome.FAILURE),
        (say(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), Outcome.FAILURE),
        (say(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), Outcome.NEUTRAL),
    ],
)
def test_call_ends_in_time_whatever_the_server_does(
    behave: Behavior, outcome: Outcome, serve: Callable[[Behavior], str]
) -> None:
    started = time.monotonic()
    with pytest.raises(http.ERRORS) as raised:
        ask(serve(behave))
    assert time.monotonic() - started < 5 * DEADLINE
    assert http.classify(raised.value) is outcome


def test_4xx_is_logged(serve: Callable[[Behavior], str], caplog: pytest.LogCaptureFixture) -> None:
    url = serve(say(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(http.ERRORS):
        ask(url.replace("//", "//user:password@"))
    assert [(record.message, record.status, record.url) for record in caplog.records] == [("request refused", 400, url)]  # type: ignore[attr-defined]


def test_a_refused_connection_is_a_failure() -> None:
    with pytest.raises(http.ERRORS) as raised:
        ask("http://127.0.0.1:1/")
    assert http.classify(raised.value) is Outcome.FAILURE


def test_a_connection_closed_while_idle_is_not_used_again(serve: Callable[[Behavior], str]) -> None:
    url = serve(say(HEAD + b"Content-Length: 2\r\n\r\n[]"))  # and closes, in spite of keep-alive
    with http.session(1) as session:
        for _ in range(3):
            with deadlines.within(DEADLINE):
                assert http.post_json(session, url, {}, headers={}, max_bytes=1000).body == b"[]"
            time.sleep(0.05)


def test_request_is_repeated_if_the_server_closes_the_idle_connection(serve: Callable[[Behavior], str]) -> None:
    asked = 0

    def behave(connection: socket.socket) -> None:
        nonlocal asked
        asked += 1
        if asked != 1:
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n[]")

    assert ask(serve(behave)).body == b"[]"
    assert asked == 2


def test_cookies_are_ignored(serve: Callable[[Behavior], str]) -> None:
    url = serve(say(HEAD + b"Set-Cookie: visitor=1; Path=/\r\nContent-Length: 2\r\n\r\n[]"))
    with http.session(1) as session, deadlines.within(DEADLINE):
        http.post_json(session, url, {}, headers={}, max_bytes=1000)
        assert list(session.cookies) == []


def test_nearest_of_nested_deadlines_counts() -> None:
    assert deadlines.remaining(7) == 7
    with deadlines.within(10), deadlines.within(100):
        assert 9 < (deadlines.remaining() or 0) <= 10
    with deadlines.within(0), pytest.raises(deadlines.DeadlineExceeded):
        deadlines.remaining()

"""The HTTP client and names, addresses, connections and compressed bodies."""

import contextlib
import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from resilience import deadlines, http
from resilience.circuit import Outcome

DEADLINE = 0.3
PLENTY = 10.0
GRACE = 4 * DEADLINE  # for a busy machine
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
over = threading.Event()  # set at the end of the test, so that servers end


def ask(port: int, host: str = "127.0.0.1", deadline: float = DEADLINE) -> http.Answer:
    with http.session(1) as session, deadlines.within(deadline):
        return http.post_json(session, f"http://{host}:{port}/", {}, headers={}, max_bytes=1000)


@contextlib.contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serves one connection at a time; returns the port."""
    over.clear()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def loop() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        behave(connection)

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        listener.shutdown(socket.SHUT_RDWR)  # ends accept()
    thread.join(5)
    assert not thread.is_alive()


def say_nothing(connection: socket.socket) -> None:
    over.wait(10)


def assert_it_is_given_up(call: Callable[[], object]) -> None:
    started = time.monotonic()
    with pytest.raises(http.ERRORS) as raised:
        call()
    assert time.monotonic() - started < DEADLINE + GRACE
    assert http.classify(raised.value) is Outcome.SUSPECT


def assert_it_fails(port: int, host: str = "127.0.0.1", outcome: Outcome = Outcome.FAILURE) -> None:
    with pytest.raises(http.ERRORS) as raised:
        ask(port, host, PLENTY)
    assert http.classify(raised.value) is outcome


def reset(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by RST


def reset_in_the_body(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(OK + b"Content-Length: 100\r\n\r\n[")
    time.sleep(0.05)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("behave", [reset, reset_in_the_body])
def test_a_connection_that_is_reset_is_a_failure(behave: Callable[[socket.socket], None]) -> None:
    with server(behave) as port:
        assert_it_fails(port)


def test_server_that_reads_nothing_is_suspect() -> None:
    def call() -> http.Answer:
        with http.session(1) as session, deadlines.within(DEADLINE):
            return http.post_json(session, f"http://127.0.0.1:{port}/", "x" * 8_000_000, headers={}, max_bytes=1000)

    with server(say_nothing) as port:
        assert_it_is_given_up(call)


def test_missing_tls_handshake_is_suspect() -> None:
    def call() -> http.Answer:
        with http.session(1) as session, deadlines.within(DEADLINE):
            return http.post_json(session, f"https://127.0.0.1:{port}/", {}, headers={}, max_bytes=1000)

    with server(say_nothing) as port:
        assert_it_is_given_up(call)


@contextlib.contextmanager
def silent_address() -> Iterator[int]:
    """A port that does not answer connection attempts: its backlog is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_an_address_that_never_answers_is_suspect() -> None:
    with silent_address() as port:
        assert_it_is_given_up(lambda: ask(port))


def test_silent_addresses_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_address() as port:
        address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [address] * 4)
        assert_it_is_given_up(lambda: ask(port, "ads.example"))


def test_a_second_address_is_tried_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def say_hello(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n[]")

    with server(say_hello) as port:
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", to)) for to in (1, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: addresses)
        assert ask(port, "ads.example", PLENTY).body == b"[]"


def test_a_name_server_that_does_not_answer_is_suspect(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def hang(*args: Any, **kwargs: Any) -> list[Any]:
        answered.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        assert_it_is_given_up(lambda: ask(80, "ads.example"))
    finally:
        answered.set()


def test_unknown_name_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert_it_fails(80, "ads.example")


def packed(content: bytes) -> Callable[[socket.socket], None]:
    body = gzip.compress(content)

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return behave


def test_compressed_body_is_decompressed() -> None:
    with server(packed(b"[1]" + b" " * 900)) as port:
        assert ask(port, deadline=PLENTY).body == b"[1]" + b" " * 900


def test_decompressed_body_over_the_limit_is_a_failure() -> None:
    with server(packed(b" " * 5_000_000)) as port:
        assert_it_fails(port)


def test_chunked_body_is_read_up_to_the_limit() -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * size + b"0\r\n\r\n")

    size = 100
    with server(behave) as port:
        assert ask(port, deadline=PLENTY).body == b"0123456789" * 100
        size = 101
        assert_it_fails(port)


def test_body_of_a_4xx_is_not_read() -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 429 Slow down\r\nContent-Length: 1000\r\n\r\n")
        over.wait(10)

    with server(behave) as port:
        assert_it_fails(port, outcome=Outcome.NEUTRAL)


def test_redirect_is_not_followed() -> None:
    def say_hello(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n[]")

    def redirect(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\n" % good)
        connection.sendall(b"Content-Length: 0\r\n\r\n")

    with server(say_hello) as good, server(redirect) as port:
        assert_it_fails(port)


@pytest.mark.slow
def test_call_on_a_kept_connection_has_a_full_deadline() -> None:
    """Even if the call before it used up almost all of its own."""
    deadline = 2.0

    def answer_slowly_and_then_read_slowly(connection: socket.socket) -> None:
        connection.recv(65536)
        time.sleep(0.8 * deadline)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n[]")
        time.sleep(0.5 * deadline)
        while not connection.recv(1 << 20).endswith(b'"'):
            pass
        connection.sendall(OK + b"Content-Length: 3\r\n\r\n[1]")

    with server(answer_slowly_and_then_read_slowly) as port, http.session(1) as session:
        for body, expected in (("", b"[]"), ("x" * 4_000_000, b"[1]")):
            with deadlines.within(deadline):
                answer = http.post_json(session, f"http://127.0.0.1:{port}/", body, headers={}, max_bytes=1000)
            assert answer.body == expected

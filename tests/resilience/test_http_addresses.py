"""The HTTP client and names with several addresses, and connections that go silent."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from resilience import deadlines, http
from resilience.circuit import Outcome

DEADLINE = 1.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n["
BROKEN = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
NAME = "ads.example"


@pytest.fixture(autouse=True)
def no_records() -> None:
    http._records.clear()


class Server:
    """Answers each request with ``answer``, or not at all, ``at_once`` at a time; counts its connections."""

    def __init__(self, answer: bytes | None, at_once: int = 1) -> None:
        self.answer = answer
        self._gate = threading.Barrier(at_once)
        self.connections = 0
        self._since = 0  # older connections are open but silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def forget_connections(self) -> None:
        self._since = self.connections

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1  # before anybody is answered
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                is_whole = data.endswith(b"{}")  # the body, which may come after the head
                if is_whole and self.answer and number > self._since:
                    self._gate.wait(5)
                    connection.sendall(self.answer)


Start = Callable[..., Server]
Resolve = Callable[..., None]


@pytest.fixture
def start() -> Iterator[Start]:
    with contextlib.ExitStack() as started:

        def start(answer: bytes | None, at_once: int = 1) -> Server:
            return started.enter_context(contextlib.closing(Server(answer, at_once)))

        yield start


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Makes NAME resolve to these addresses."""

    def resolve(*addresses: tuple[str, int]) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: list(found))

    return resolve


@pytest.fixture
def dropping() -> Iterator[tuple[str, int]]:
    """An address that drops connection attempts: its backlog is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.7", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()


def ask(via: requests.Session | None = None, scheme: str = "http", deadline: float = DEADLINE) -> float:
    """Return the duration of a successful call, in seconds."""
    began = time.monotonic()
    with contextlib.nullcontext(via) if via else http.session(1) as session, deadlines.within(deadline):
        assert http.post_json(session, f"{scheme}://{NAME}/", {}, headers={}, max_bytes=1000).body == b"[]"
    return time.monotonic() - began


def fail(via: requests.Session | None = None, scheme: str = "http") -> None:
    began = time.monotonic()
    with pytest.raises(http.ERRORS) as raised:
        ask(via, scheme)
    assert time.monotonic() - began < 5 * DEADLINE
    assert http.classify(raised.value) is not Outcome.NEUTRAL


def test_silent_address_takes_its_share_of_the_time_once(
    start: Start, resolve: Resolve, dropping: tuple[str, int]
) -> None:
    resolve(dropping, start(OK).address)
    with http.session(1) as one, http.session(1) as two:  # creating a session takes time
        first = ask(one)
        assert first > DEADLINE / 4  # it was tried
        assert ask(two) < first / 2


def test_silent_addresses_leave_the_last_one_its_share(
    start: Start, resolve: Resolve, dropping: tuple[str, int]
) -> None:
    resolve(dropping, dropping, dropping, start(OK).address)
    ask()


def test_address_that_answered_last_comes_first(start: Start, resolve: Resolve) -> None:
    one, two = start(OK), start(OK)
    resolve(one.address, two.address)
    ask()
    resolve(two.address, one.address)
    ask()
    assert (one.connections, two.connections) == (2, 0)


@pytest.mark.slow
def test_recovered_address_is_tried_if_the_others_fail(start: Start, resolve: Resolve) -> None:
    one, two = start(BROKEN), start(OK)
    resolve(one.address, two.address)
    fail()
    ask()
    one.answer, two.answer = OK, None
    fail()
    ask()


@pytest.mark.slow
@pytest.mark.parametrize("answer", [None, BROKEN, b"nonsense\r\n\r\n", CUT_SHORT])
def test_second_call_avoids_an_address_with_bad_responses(answer: bytes | None, start: Start, resolve: Resolve) -> None:
    resolve(start(answer).address, start(OK).address)
    with contextlib.suppress(*http.ERRORS):
        ask()
    ask()


@pytest.mark.slow
def test_second_call_avoids_an_address_without_tls_handshake(start: Start, resolve: Resolve) -> None:
    one, two = start(None), start(None)
    resolve(one.address, two.address)
    fail(scheme="https")
    assert (one.connections, two.connections) == (1, 0)
    fail(scheme="https")
    assert (one.connections, two.connections) == (1, 1)


def test_one_silent_connection_makes_the_others_to_its_address_unused(start: Start, resolve: Resolve) -> None:
    server = start(OK, at_once=4)
    resolve(server.address)
    with http.session(4) as session, ThreadPoolExecutor(4) as callers:

        def ask_at_once() -> None:
            list(callers.map(lambda _: ask(session, deadline=5 * DEADLINE), range(4)))

        ask_at_once()
        server.forget_connections()
        fail(session)
        ask_at_once()

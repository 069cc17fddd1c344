"""What stands between a client and a server, and does not pass everything on as it comes."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Relay = Callable[[socket.socket, socket.socket], None]  # between a client and its connection to the server


@contextlib.contextmanager
def slow_proxy(port: int, delay: float) -> Iterator[int]:
    """The port of a proxy before the local ``port``; each message to the server is ``delay`` seconds late."""

    def relay(client: socket.socket, server: socket.socket) -> None:
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        _pass_on(client, server, delay)

    with _proxy(port, relay) as own_port:
        yield own_port


@contextlib.contextmanager
def forgetful_proxy(port: int, word: bytes, *, hang_up: bool) -> Iterator[int]:
    """The port of a proxy before the local ``port`` that passes nothing back once the client has said ``word``: it
    hangs up, or is silent."""

    def relay(client: socket.socket, server: socket.socket) -> None:
        is_over = threading.Event()

        def answer() -> None:
            with contextlib.suppress(OSError):
                while (data := server.recv(65536)) and not is_over.is_set():
                    client.sendall(data)
                if hang_up:
                    client.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=answer, daemon=True).start()
        while data := client.recv(65536):
            if word in data:
                is_over.set()
            server.sendall(data)

    with _proxy(port, relay) as own_port:
        yield own_port


@contextlib.contextmanager
def _proxy(port: int, relay: Relay) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, relay), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, port: int, relay: Relay) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_relay, args=(relay, client, server), daemon=True).start()


def _relay(relay: Relay, client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError), client, server:
        relay(client, server)


def _pass_on(source: socket.socket, target: socket.socket, delay: float = 0.0) -> None:
    with contextlib.suppress(OSError), source, target:
        while data := source.recv(65536):
            time.sleep(delay)
            target.sendall(data)

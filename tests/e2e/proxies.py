"""Proxies that delay or drop what passes between a client and a server."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Relay = Callable[[socket.socket, socket.socket], None]  # between a client and its connection to the server


@contextlib.contextmanager
def slow_proxy(port: int, delay: float) -> Iterator[int]:
    """Run a proxy for the local ``port`` that delays each message to the server. Yields the port of the proxy."""

    def relay(client: socket.socket, server: socket.socket) -> None:
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        _pass_on(client, server, delay)

    with _proxy(port, relay) as own_port:
        yield own_port


@contextlib.contextmanager
def forgetful_proxy(port: int, word: bytes, *, hang_up: bool) -> Iterator[int]:
    """Run a proxy for the local ``port`` that hangs up or goes silent after the client has sent ``word``."""

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


class Nat:
    """A network between clients and a server. Connections that it drops stay open and carry nothing."""

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
        self.port = listener.getsockname()[1]
        self._connect = connect
        self._epoch = 0
        self._kept: list[
            socket.socket
        ] = []  # else the garbage collector would close them, which the other side would notice
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def drop(self) -> None:
        """Drop all established connections. New ones work."""
        self._epoch += 1

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = self._connect()
                self._kept += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, target, self._epoch), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, epoch: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if epoch == self._epoch:
                    target.sendall(data)
            if epoch == self._epoch:
                target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for each in self._kept:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # also ends a recv in another thread
            each.close()


@contextlib.contextmanager
def nat(connect: Callable[[], socket.socket]) -> Iterator[Nat]:
    """A network in front of the server that ``connect`` connects to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network = Nat(listener, connect)
        try:
            yield network
        finally:
            network.close()

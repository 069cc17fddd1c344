"""Stands between a client and a server and passes on late what the client says."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


@contextlib.contextmanager
def slow_proxy(port: int, delay: float) -> Iterator[int]:
    """The port of a proxy before the local ``port``; each message to the server is ``delay`` seconds late."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, delay), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, port: int, delay: float) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for source, target, late in ((client, server, delay), (server, client, 0.0)):
                threading.Thread(target=_pass_on, args=(source, target, late), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, delay: float) -> None:
    with contextlib.suppress(OSError), source, target:
        while data := source.recv(65536):
            time.sleep(delay)
            target.sendall(data)

"""Raw HTTP that no library would send."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.e2e.services import Service
from tests.edge import Edge

CHUNKED = b"POST /reviews HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {size}"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def say(service: Service | Edge, *parts: bytes) -> bytes:
    """Send bytes, close the sending side, and return everything that is answered."""
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        try:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            while got := client.recv(65536):
                answer += got
        except (ConnectionResetError, BrokenPipeError):  # the server has stopped reading
            pass
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@contextmanager
def clients(
    service: Service | Edge, count: int, begun: bytes = b"", small_buffer: bool = False
) -> Iterator[list[socket.socket]]:
    """Connections that have each sent the same bytes and read nothing."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            client = stack.enter_context(socket.socket())
            if small_buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(30)
            client.connect(("127.0.0.1", service.port))
            client.sendall(begun)
            found.append(client)
        yield found


def is_closed(client: socket.socket) -> bool:
    """Whether the service has closed the connection. Drops what it sent before."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True

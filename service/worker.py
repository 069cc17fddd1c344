"""gunicorn's threaded worker, with two ways less to lose a request.

A thread is given to a request only when all of it has arrived: clients that send slowly would hold one each, and eight
of them the service. And a stop serves the connections that wait to be accepted, which would be reset.
"""

import re
import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

# In seconds.
REQUEST_TIME = 15.0  # from a request's first byte to the last one of its answer
GLANCE = 0.005  # for which a thread waits for what is still on its way
FAREWELL = 2.0  # which a stopping worker leaves to a connection on which nothing has come

MAX_HEAD = 65_536  # bytes; gunicorn refuses what is more
_LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)


@dataclass(slots=True)
class _Request:
    since: float = field(default_factory=time.monotonic)
    received: bytearray = field(default_factory=bytearray)


class Worker(ThreadWorker):  # type: ignore[misc]
    """See gunicorn.conf.py."""

    sockets: list[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._requests: dict[TConn, _Request] = {}

    def handle(self, conn: TConn) -> Any:
        """What a thread does for a connection; _DEFER where the request has not arrived."""
        request = self._requests.setdefault(conn, _Request())
        result = None
        try:
            result = self._handle(conn, request)
        finally:
            if result is not _DEFER:
                del self._requests[conn]
        return result

    def _handle(self, conn: TConn, request: _Request) -> Any:
        if self.cfg.is_ssl or not self.alive:
            return super().handle(conn)
        if conn.parser is not None:  # of a request that came along with the one before
            request.received += conn.parser.unreader.take_buffered()
        try:
            has_arrived = _receive(conn.sock, request.received)
        except OSError:
            return False
        if not has_arrived:
            return _DEFER
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(bytes(request.received))
        request.received.clear()
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """400 rather than 501 for a transfer coding that nobody knows: it is the client's doing."""
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader("Transfer-Encoding")
        super().handle_error(req, client, addr, exc)

    def murder_pending(self) -> None:
        """Called in the main thread, every second or sooner."""
        super().murder_pending()
        late = time.monotonic() - REQUEST_TIME
        for conn, request in self._requests.copy().items():
            if request.since < late:
                # Whoever waits for it, a thread or the poller, finds it at its end.
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive:
            self._take_leave()

    def _take_leave(self) -> None:
        for listener in self.sockets:
            while select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()
        self.sockets = []
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic() + FAREWELL)


def _receive(sock: socket.socket, received: bytearray) -> bool:
    """Add what has come to ``received``; whether that is a whole request, or all that will come. Raises OSError."""
    sock.settimeout(GLANCE)
    while not _is_whole(received):
        try:
            chunk = sock.recv(MAX_HEAD)
        except TimeoutError:
            return False
        if not chunk:
            return True
        received += chunk
    return True


def _is_whole(received: bytearray) -> bool:
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return len(received) > MAX_HEAD
    found = _LENGTH.search(received, 0, end + 2)
    length = int(found[1]) if found else 0
    # What is too large is refused without being read.
    return length > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) or len(received) >= end + 4 + length

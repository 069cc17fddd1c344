"""gunicorn's threaded worker, with two ways less to lose a request.

A thread is given to a request only when all of it has arrived: clients that send slowly would hold one each, and eight
of them the service. To know that, a body has to say its length. And a stop serves the connections that wait to be
accepted, which would be reset, and the requests that have begun to arrive.
"""

import re
import select
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn import util
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

# In seconds.
REQUEST_TIME = 15.0  # from a request's first byte to the last one of its answer
GLANCE = 0.005  # for which a thread waits for what is still on its way
FAREWELL = 2.0  # for which the next word is waited for on a connection that is to be closed

# In bytes.
MAX_HEAD = 65_536  # gunicorn refuses what is more
MAX_DRAINED = 1_000_000
_LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_NO_LENGTH = re.compile(rb"\r\nTransfer-Encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nExpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


@dataclass(slots=True)
class _Request:
    since: float = field(default_factory=time.monotonic)
    received: bytearray = field(default_factory=bytearray)
    is_asked_for: bool = False  # the body, of a client that waits to be

    def head_has(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Where the head, once it is there, has this."""
        end = self.received.find(b"\r\n\r\n")
        return pattern.search(self.received, 0, end + 2) if end >= 0 else None

    @property
    def is_whole(self) -> bool:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return len(self.received) > MAX_HEAD
        found = self.head_has(_LENGTH)
        length = int(found[1]) if found else 0
        # What is too large is refused without being read.
        return length > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) or len(self.received) >= end + 4 + length

    def receive(self, sock: socket.socket, patience: float) -> bool:
        """Take what comes; whether that is a whole request, or all that will come. Raises OSError."""
        sock.settimeout(patience)
        while not self.is_whole:
            if not self.is_asked_for and self.head_has(_EXPECTS):
                self.is_asked_for = True
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                chunk = sock.recv(MAX_HEAD)
            except TimeoutError:
                return False
            if not chunk:
                return True
            self.received += chunk
        return True


class Worker(ThreadWorker):  # type: ignore[misc]
    """See gunicorn.conf.py."""

    sockets: list[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._requests: dict[TConn, _Request] = {}
        self._lingering: dict[TConn, int] = {}  # bytes that are still taken from each

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
        if self.cfg.is_ssl:
            return super().handle(conn)
        if conn.parser is not None:  # of a request that came along with the one before
            request.received += conn.parser.unreader.take_buffered()
        try:
            if not request.receive(conn.sock, GLANCE if self.alive else FAREWELL):
                return _DEFER if self.alive else False
        except OSError:
            return False
        if request.head_has(_NO_LENGTH):
            util.write_error(conn.sock, 411, "Length Required", "A body needs a Content-Length.")
            return False
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(bytes(request.received))
        request.received.clear()
        return super().handle(conn)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """What the main thread does with a connection that a thread is done with."""
        result = None if fs.exception() else fs.result()
        if result is _DEFER and not self.alive:
            self.enqueue_req(conn)  # put off just before the stop
        elif result:
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def _linger(self, conn: TConn) -> None:
        """Close a connection whose client may still be sending, and would not read the answer of one that is closed at
        once (RFC 9112, 9.6). gunicorn waits for that client in the main thread, and so would everybody."""
        self._lingering[conn] = MAX_DRAINED
        conn.timeout = time.monotonic() + FAREWELL
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))
        except OSError:
            self._let_go(conn)

    def _drain(self, conn: TConn, _: object) -> None:
        came = 0
        with suppress(OSError):
            came = len(conn.sock.recv(MAX_HEAD))
        self._lingering[conn] -= came
        if not came or self._lingering[conn] < 0:
            self._let_go(conn)

    def _let_go(self, conn: TConn) -> None:
        del self._lingering[conn]
        with suppress(KeyError, ValueError):  # it was not registered
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Called in the main thread, every second or sooner."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn in self._lingering if conn.timeout < now]:
            self._let_go(conn)
        late = now - REQUEST_TIME
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

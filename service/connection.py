"""A client's connection in the event loop: receive a request, have a thread answer it, send the response."""

import asyncio
import time
from collections.abc import Generator
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Any, cast

from service.request_parser import ReceivedRequest, Step, next_request

if TYPE_CHECKING:
    from service.worker import Worker

# In seconds.
REQUEST_TIMEOUT = 15.0  # to receive a request, counted from its first byte, and again to send its response
LINGER_TIMEOUT = 2.0  # to wait for the next byte on a connection that is about to close

# In bytes.
MAX_HELD = 64_000_000  # per process: requests not yet complete and responses not yet sent


class State(Enum):
    RECEIVING = auto()  # receiving a request, or idle
    ANSWERING = auto()  # a thread has the request
    SENDING = auto()
    CLOSING = auto()  # see Connection._linger()


class Connection(asyncio.Protocol):
    """Handles one request at a time. It reads the next one after it has sent the response."""

    transport: asyncio.Transport
    opening: object = None  # a reference keeps the task alive
    peer: Any = ""
    server: Any = ""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._state = State.RECEIVING
        self._received = bytearray()
        self._body = bytearray()  # of the request that is arriving or being answered
        self._request: Generator[Step, None, ReceivedRequest] | None = None
        self.held = 0  # bytes buffered for this connection
        self._is_last = self._has_ended = False
        # Since when the connection waits for the client, and for how long at most; infinite while a thread works.
        self.since = self.timeout = inf

    def _wait(self, timeout: float) -> None:
        is_draining = self._state is State.RECEIVING and not self._worker.alive
        self.since, self.timeout = time.monotonic(), min(timeout, LINGER_TIMEOUT) if is_draining else timeout

    def _count_held(self) -> None:
        held = len(self._received) + len(self._body) + self.transport.get_write_buffer_size()
        growth = held - self.held
        self._worker.held += growth
        self.held = held
        if growth > 0 and self._worker.held > MAX_HELD:
            self._worker.evict_idle()

    def drain(self) -> None:
        """Close after LINGER_TIMEOUT, unless a request that is already on its way arrives."""
        if self._state is State.RECEIVING:
            self.timeout = min(self.timeout, time.monotonic() - self.since + LINGER_TIMEOUT)

    def close(self) -> None:
        self.transport.abort()
        self.connection_lost(None)

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.opening = cast("asyncio.Transport", transport), None
        self.transport.set_write_buffer_limits(high=0)  # asyncio calls resume_writing() when all is sent
        self.peer, self.server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._wait(REQUEST_TIMEOUT)

    def data_received(self, data: bytes) -> None:
        if self._state is State.CLOSING:
            self.timeout = min(time.monotonic() - self.since + LINGER_TIMEOUT, REQUEST_TIMEOUT)
            return
        self._received += data
        if self._state is not State.RECEIVING:
            self.transport.pause_reading()
            self._count_held()
        elif not self.transport.is_closing():
            if self._request is None:
                self._wait(REQUEST_TIMEOUT)
            self._parse()

    def eof_received(self) -> bool:
        # A client may close its side and still wait for the response.
        self._has_ended = True
        return self._state in (State.ANSWERING, State.SENDING)

    def resume_writing(self) -> None:
        # Later, because asyncio uses the transport once more after this callback, and _sent() may close it.
        asyncio.get_running_loop().call_soon(self._all_sent)

    def connection_lost(self, error: Exception | None) -> None:
        # A request that a thread has, or will have, still counts. Else a client that disconnects at once could send
        # requests without limit.
        if self._state is not State.ANSWERING and self in self._worker.connections:
            self._worker.connections.remove(self)
            # This object is part of reference cycles: free its buffers now, not when the garbage collector runs.
            self._request = None
            self._drop()
            self._worker.set_accepting(self._worker.alive)

    # Called by those and by the worker.

    def _parse(self) -> None:
        if self.transport.is_closing():
            return
        if self._request is None:
            self._request = next_request(self._received, self._body, self._worker.cfg, self.peer)
        try:
            step = next(self._request)
        except StopIteration as end:
            self._request = None
            self._state = State.ANSWERING
            self.since = inf
            self._count_held()
            self.transport.resume_reading()
            self._worker.answer(self, end.value)
        except Exception as error:
            self._worker.refuse(self, error)
        else:
            self._take(step)

    def _take(self, step: Step) -> None:
        if step is None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._parse)
        elif self._has_ended:
            self.transport.close()
        else:
            self.transport.write(step)
            self.transport.resume_reading()
        self._count_held()

    def send(self, response: bytearray, is_last: bool) -> None:
        self._state, self._is_last = State.SENDING, is_last
        if self.transport.is_closing():
            self.connection_lost(None)
            return
        self._wait(REQUEST_TIMEOUT)
        self.transport.write(response)
        self._body = bytearray()
        if self.transport.get_write_buffer_size():
            self._count_held()
        else:
            self._sent()

    def _all_sent(self) -> None:
        if self._state is State.SENDING and not self.transport.is_closing():
            self._sent()

    def _sent(self) -> None:
        if self._is_last:
            self._linger()
            return
        self._state = State.RECEIVING
        self._count_held()
        self._wait(REQUEST_TIMEOUT if self._received else self._worker.cfg.keepalive)
        self.transport.resume_reading()
        if self._received:
            self._parse()
        elif self._has_ended:
            self.transport.close()

    def _drop(self) -> None:
        self._received.clear()
        self._body = bytearray()  # a new one, as a thread may be reading the old one
        self._count_held()

    def _linger(self) -> None:
        """Close for writing, and drop what the client still sends.

        Closing at once would reset the connection before the client has read the response (RFC 9112, 9.6).
        """
        self._state = State.CLOSING
        self._drop()
        self._wait(LINGER_TIMEOUT)
        self.transport.resume_reading()
        try:
            self.transport.write_eof()
        except OSError:
            self._has_ended = True
        if self._has_ended:
            self.transport.close()

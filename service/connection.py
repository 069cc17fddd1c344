"""A client's connection, as the event loop sees it: receive a request, have it answered, send the answer."""

import asyncio
import time
from collections.abc import Generator
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Any, cast

from service.arrival import Arrival, Step, next_request

if TYPE_CHECKING:
    from service.worker import Worker

# In seconds.
REQUEST_TIME = 15.0  # to receive a request, from its first byte, and to send its answer
LINGER_TIMEOUT = 2.0  # to wait for the next byte on a connection that is about to close

# In bytes.
MAX_HELD = 64_000_000  # in all connections of a process: requests not yet complete, answers not yet sent


class State(Enum):
    ARRIVING = auto()  # receiving a request, or idle
    ANSWERING = auto()  # a thread has the request
    SENDING = auto()
    LEAVING = auto()  # see Connection._leave()


class Connection(asyncio.Protocol):
    """Takes one request at a time. The next one is read when the answer has been sent."""

    transport: asyncio.Transport
    opening: object = None  # keeps the task alive
    peer: Any = ""
    server: Any = ""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._state = State.ARRIVING
        self._received = bytearray()
        self._body = bytearray()  # of the request that is arriving or being answered
        self._request: Generator[Step, None, Arrival] | None = None
        self.held = 0  # bytes
        self._is_last = self._has_ended = False
        self.since = self.patience = inf  # waiting for the client since when, and for how long

    def _wait(self, patience: float) -> None:
        is_to_stop = self._state is State.ARRIVING and not self._worker.alive
        self.since, self.patience = time.monotonic(), min(patience, LINGER_TIMEOUT) if is_to_stop else patience

    def _count_held(self) -> None:
        held = len(self._received) + len(self._body) + self.transport.get_write_buffer_size()
        growth = held - self.held
        self._worker.held += growth
        self.held = held
        if growth > 0 and self._worker.held > MAX_HELD:
            self._worker.make_room()

    def take_leave(self) -> None:
        """Stop soon unless the request that may be on its way arrives."""
        if self._state is State.ARRIVING:
            self.patience = min(self.patience, time.monotonic() - self.since + LINGER_TIMEOUT)

    def close(self) -> None:
        self.transport.abort()
        self.connection_lost(None)

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.opening = cast("asyncio.Transport", transport), None
        self.transport.set_write_buffer_limits(high=0)  # resume_writing() is called when all is sent
        self.peer, self.server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._wait(REQUEST_TIME)

    def data_received(self, data: bytes) -> None:
        if self._state is State.LEAVING:
            self.patience = min(time.monotonic() - self.since + LINGER_TIMEOUT, REQUEST_TIME)
            return
        self._received += data
        if self._state is not State.ARRIVING:
            self.transport.pause_reading()
            self._count_held()
        elif not self.transport.is_closing():
            if self._request is None:
                self._wait(REQUEST_TIME)
            self._read_on()

    def eof_received(self) -> bool:
        # A client may close its side and still wait for the answer.
        self._has_ended = True
        return self._state in (State.ANSWERING, State.SENDING)

    def resume_writing(self) -> None:
        if self._state is State.SENDING:
            self._sent()

    def connection_lost(self, error: Exception | None) -> None:
        # A request that a thread has, or will have, keeps its place: else who leaves at once could send without end.
        if self._state is not State.ANSWERING and self in self._worker.connections:
            self._worker.connections.remove(self)
            # This object is part of cycles. What it holds shall not wait for the garbage collector.
            self._request = None
            self._drop()
            self._worker.set_accepting(self._worker.alive)

    # Called by the above and by the worker.

    def _read_on(self) -> None:
        if self.transport.is_closing():
            return
        if self._request is None:
            self._request = next_request(self._received, self._body, self._worker.cfg, self.peer)
        try:
            step = next(self._request)
        except StopIteration as arrival:
            self._request = None
            self._state = State.ANSWERING
            self.since = inf
            self._count_held()
            self.transport.resume_reading()
            self._worker.answer(self, arrival.value)
        except Exception as error:
            self._worker.refuse(self, error)
        else:
            self._take(step)

    def _take(self, step: Step) -> None:
        if step is None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)
        elif self._has_ended:
            self.transport.close()
        else:
            self.transport.write(step)
            self.transport.resume_reading()
        self._count_held()

    def send(self, answer: bytearray, is_last: bool) -> None:
        self._state, self._is_last = State.SENDING, is_last
        if self.transport.is_closing():
            self.connection_lost(None)
            return
        self._wait(REQUEST_TIME)
        self.transport.write(answer)
        self._body = bytearray()
        if self.transport.get_write_buffer_size():
            self._count_held()
        else:
            self._sent()

    def _sent(self) -> None:
        if self._is_last:
            self._leave()
            return
        self._state = State.ARRIVING
        self._count_held()
        self._wait(REQUEST_TIME if self._received else self._worker.cfg.keepalive)
        self.transport.resume_reading()
        if self._received:
            self._read_on()
        elif self._has_ended:
            self.transport.close()

    def _drop(self) -> None:
        self._received.clear()
        self._body = bytearray()  # a thread may have the other
        self._count_held()

    def _leave(self) -> None:
        """Close for writing, and drop what the client still sends.

        Closing at once would reset the connection before the client has read the answer (RFC 9112, 9.6).
        """
        self._state = State.LEAVING
        self._drop()
        self._wait(LINGER_TIMEOUT)
        self.transport.resume_reading()
        try:
            self.transport.write_eof()
        except OSError:
            self._has_ended = True
        if self._has_ended:
            self.transport.close()

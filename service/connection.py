"""A client's connection, as the event loop sees it."""

import asyncio
import time
from collections.abc import Generator
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Any, cast

from service.arrival import Arrival, next_request

if TYPE_CHECKING:
    from service.worker import Worker

# In seconds.
REQUEST_TIME = 15.0  # from a request's first byte to its last, and the same for the answer
FAREWELL = 2.0  # for which the next word is waited for on a connection that is to be closed

# In bytes.
MAX_HELD = 64_000_000  # by all connections of a process: bodies that are arriving, answers that are not read


class State(Enum):
    ARRIVING = auto()  # a request, or the next one is waited for
    ANSWERING = auto()  # a thread has it
    SENDING = auto()
    LEAVING = auto()  # see Connection._leave()


class Connection(asyncio.Protocol):
    """Takes requests one at a time, and reads no further before the answer is sent."""

    transport: asyncio.Transport
    opening: object  # the task, which nobody else keeps
    peer: Any = ""
    server: Any = ""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._state = State.ARRIVING
        self._received = bytearray()
        self._request: Generator[bytes, None, Arrival] | None = None
        self.held = 0  # bytes
        self._is_last = self._has_ended = False
        self.since = self.patience = inf  # since when the client is waited for, and for how many seconds it will be

    def _wait(self, patience: float) -> None:
        is_to_stop = self._state is State.ARRIVING and not self._worker.alive
        self.since, self.patience = time.monotonic(), min(patience, FAREWELL) if is_to_stop else patience

    def _hold(self, size: int) -> None:
        self._worker.held += size - self.held
        self.held = size
        if self._worker.held > MAX_HELD:
            self._worker.make_room()

    def take_leave(self) -> None:
        """Wait for a request, or for the rest of one, for a moment only."""
        if self._state is State.ARRIVING:
            self.patience = min(self.patience, time.monotonic() - self.since + FAREWELL)

    def close(self) -> None:
        self.transport.abort()
        self.connection_lost(None)

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=0)  # so that resume_writing() means that all is sent
        self.peer, self.server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._wait(REQUEST_TIME)

    def data_received(self, data: bytes) -> None:
        if self._state is State.LEAVING:
            self.patience = min(time.monotonic() - self.since + FAREWELL, REQUEST_TIME)
            return
        self._hold(self.held + len(data))
        self._received += data
        if self._state is not State.ARRIVING:
            self.transport.pause_reading()
        elif not self.transport.is_closing():
            if self._request is None:
                self._wait(REQUEST_TIME)
            self._read_on()

    def eof_received(self) -> bool:
        # Whoever waits for an answer may have closed its own side.
        self._has_ended = True
        return self._state in (State.ANSWERING, State.SENDING)

    def resume_writing(self) -> None:
        if self._state is State.SENDING:
            self._sent()

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._worker.connections:
            self._worker.connections.remove(self)
            self._hold(0)
            self._worker.set_accepting(self._worker.alive)

    # What makes it go on.

    def _read_on(self) -> None:
        if self._request is None:
            self._request = next_request(self._received, self._worker.cfg, self.peer)
        try:
            if interim := next(self._request):
                self.transport.write(interim)
        except StopIteration as arrival:
            self._request = None
            self._state = State.ANSWERING
            self.since = inf
            self._worker.answer(self, arrival.value)
        except Exception as error:
            self._worker.refuse(self, error)

    def send(self, answer: bytearray, is_last: bool) -> None:
        if self.transport.is_closing():
            return
        self._state, self._is_last = State.SENDING, is_last
        self._wait(REQUEST_TIME)
        self.transport.write(answer)
        if unsent := self.transport.get_write_buffer_size():
            self._hold(unsent + len(self._received))
        else:
            self._sent()

    def _sent(self) -> None:
        if self._is_last:
            self._leave()
            return
        self._state = State.ARRIVING
        self._hold(len(self._received))
        self._wait(REQUEST_TIME if self._received else self._worker.cfg.keepalive)
        self.transport.resume_reading()
        if self._received:
            self._read_on()
        if self._has_ended and self._state is State.ARRIVING:
            self.transport.close()

    def _leave(self) -> None:
        """Say that there is no more, and drop what still comes.

        A client that is sending would not get to read the answer if the connection closed at once (RFC 9112, 9.6).
        """
        self._state = State.LEAVING
        self._received.clear()
        self._hold(0)
        self._wait(FAREWELL)
        self.transport.resume_reading()
        try:
            self.transport.write_eof()
        except OSError:
            self._has_ended = True
        if self._has_ended:
            self.transport.close()

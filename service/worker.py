"""A gunicorn worker whose threads run the application and never wait for a client.

An asyncio event loop in the main thread buffers each request until it is complete and hands it to a thread. The thread
returns the response, and the loop sends it as fast as the client reads.
"""

import asyncio
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Any

import orjson
from gunicorn.http import wsgi
from gunicorn.workers.base import Worker as BaseWorker

from resilience import request_id
from service import held_answers
from service.connection import MAX_HELD, Connection
from service.request_parser import ReceivedRequest

# In seconds.
SWEEP_INTERVAL = 0.25  # between two checks of all connections for timeouts
MIN_IDLE = 0.25  # before a connection may be evicted; a shorter gap is a pause between two requests

ACCEPT_BATCH = 64  # connections accepted before the loop handles other events
SAFE = {"GET", "HEAD", "OPTIONS"}  # methods that change nothing
HEALTH_CHECKS = {"/livez", "/readyz"}


class _Response(wsgi.Response):  # type: ignore[misc]
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # Silences a warning: Django leaves it to the server to drop the body of a response to HEAD.
        self._omits_body_warned = True


class _Output(bytearray):
    """Collects what gunicorn writes to the client's socket."""

    def sendall(self, data: bytes) -> None:
        self.extend(data)

    def send(self, data: bytes) -> None:
        """Drop a 100 Continue, because the body has been received already."""

    def gettimeout(self) -> float:
        return 0.0


class Worker(BaseWorker):  # type: ignore[misc]
    """See gunicorn.conf.py."""

    sockets: list[Any]

    def run(self) -> None:
        self.connections: set[Connection] = set()
        self.held = 0  # bytes buffered for all connections
        self.is_accepting = False
        self._threads = ThreadPoolExecutor(self.cfg.threads)
        # Health checks do not wait for other requests: an orchestrator would restart a service that is merely busy.
        self._health_thread = ThreadPoolExecutor(1)
        asyncio.run(self._serve())
        self._threads.shutdown(wait=False)
        self._health_thread.shutdown(wait=False)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, stopping.set)
        for listener in self.sockets:
            listener.setblocking(False)
        self.set_accepting(True)
        while not stopping.is_set() and self.ppid == os.getppid():
            self._sweep()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), SWEEP_INTERVAL)
        self._drain()
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.connections and time.monotonic() < end:
            self._sweep()
            await asyncio.sleep(0.05)

    def _sweep(self) -> None:
        """Tell gunicorn that this worker lives, and close the connections whose timeout has passed."""
        self.notify()
        self.set_accepting(self.alive)
        now = time.monotonic()
        for connection in [each for each in self.connections if each.since + each.timeout < now]:
            connection.close()

    def _drain(self) -> None:
        """Accept the connections that wait in the backlog, and then no more."""
        self.alive = False
        self.set_accepting(False)
        for listener in self.sockets:
            while self._accept(listener):
                pass
            listener.close()
        for connection in self.connections:
            connection.drain()

    def set_accepting(self, is_accepting: bool) -> None:
        if self.is_accepting == is_accepting:
            return
        self.is_accepting = is_accepting
        for listener in self.sockets:
            if is_accepting:
                self._loop.add_reader(listener, self._accept_some, listener)
            else:
                self._loop.remove_reader(listener)

    def _accept_some(self, listener: Any) -> None:
        for _ in range(ACCEPT_BATCH):
            if not self.evict_idle():
                self.set_accepting(False)
            elif self._accept(listener):
                continue
            return

    def _accept(self, listener: Any) -> bool:
        """Accept a connection, and return whether there was one to accept."""
        try:
            client: socket.socket = listener.accept()[0]
        except BlockingIOError:
            return False
        except ConnectionAbortedError:
            return True
        except OSError as error:  # no free file descriptor; the next sweep resumes accepting
            self.log.error("cannot accept a connection: %s", error)
            self.set_accepting(False)
            return False
        client.setblocking(False)
        connection = Connection(self)
        self.connections.add(connection)
        opening = self._loop.connect_accepted_socket(lambda: connection, client)
        connection.opening = self._loop.create_task(opening)
        return True

    def evict_idle(self) -> bool:
        """Close the longest idle connections until there is room for one more. Return whether there is room."""
        while True:
            if self.held > MAX_HELD:
                connections, min_idle = [each for each in self.connections if each.held], 0.0
            elif self._is_full:
                connections, min_idle = list(self.connections), MIN_IDLE
            else:
                return True
            longest = min(connections, key=lambda each: each.since)
            if time.monotonic() - longest.since < min_idle:
                return False
            longest.close()

    @property
    def _is_full(self) -> bool:
        return len(self.connections) >= self.cfg.worker_connections  # type: ignore[no-any-return]

    def refuse(self, connection: Connection, error: Exception) -> None:
        """Answer a request that cannot be parsed."""
        output = _Output()
        self.handle_error(None, output, connection.peer, error)
        connection.send(output, is_last=True)

    def handle_error(self, request: Any, client: Any, address: Any, error: Exception) -> None:
        """Log ``error`` and choose the status as gunicorn does. The body is JSON and repeats nothing of the request."""
        page = _Output()
        super().handle_error(request, page, address, error)
        status_line = page.partition(b"\r\n")[0].decode()
        body = orjson.dumps({"detail": status_line.split(" ", 2)[2]})
        head = (
            status_line,
            "Connection: close",
            "Content-Type: application/json",
            f"{request_id.HEADER}: {request_id.new()}",
            f"Content-Length: {len(body)}",
        )
        client.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def answer(self, connection: Connection, request: ReceivedRequest) -> None:
        """Have a thread answer the request."""
        is_health_check = request.head.path.removesuffix("/") in HEALTH_CHECKS
        threads = self._health_thread if is_health_check else self._threads
        threads.submit(self._answer, connection, request)

    def _answer(self, connection: Connection, request: ReceivedRequest) -> None:
        output, is_last = _Output(), True
        held_answers.begin()
        # Skip a read whose client has disconnected: nobody would receive the answer.
        if not (connection.transport.is_closing() and request.head.method in SAFE):
            is_last = self._respond(connection, request, output)
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._send, held_answers.delay(), connection, output, is_last)

    def _send(self, delay: float, connection: Connection, output: _Output, is_last: bool) -> None:
        if delay:
            self._loop.call_later(delay, connection.send, output, is_last)
        else:
            connection.send(output, is_last)

    def _respond(self, connection: Connection, request: ReceivedRequest, output: _Output) -> bool:
        """Write the application's response to ``output``. Return whether the connection closes after it."""
        began = datetime.now()
        try:
            response, environ = wsgi.create(
                request.head, output, connection.peer, connection.server, self.cfg, response_class=_Response
            )
            environ["wsgi.multithread"] = True
            environ["wsgi.input"] = BytesIO(request.body)
            if environ.pop("HTTP_TRANSFER_ENCODING", None) or request.length:
                environ["CONTENT_LENGTH"] = str(request.length)
            if not self.alive or self._is_full or not request.is_complete:
                response.force_close()
            body = self.wsgi(environ, response.start_response)
            try:
                for part in body:
                    response.write(part)
                response.close()
            finally:
                self._end(body)
            is_last: bool = response.should_close()
            self.log.access(response, request.head, environ, datetime.now() - began)
        except Exception as error:
            output.clear()
            self.handle_error(request.head, output, connection.peer, error)
            is_last = True
        return is_last

    def _end(self, body: Any) -> None:
        """Close the application's response. An error in what Django does after a request does not change the answer."""
        try:
            if hasattr(body, "close"):
                body.close()
        except Exception:
            self.log.exception("cannot clean up after a request")

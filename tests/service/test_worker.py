"""Clients that disconnect or close their side, and errors after a response."""

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.config import Config

from service.connection import Connection
from service.request_parser import ReceivedRequest, next_request
from service.worker import Worker, _Output


def received_request(method: bytes) -> ReceivedRequest:
    received = bytearray(method + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with pytest.raises(StopIteration) as stop:
        next(next_request(received, bytearray(), Config(), ("127.0.0.1", 1)))
    return stop.value.value  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("method", "is_gone", "is_answered"),
    [(b"GET", False, True), (b"GET", True, False), (b"HEAD", True, False), (b"POST", True, True)],
)
def test_only_writes_are_executed_for_clients_that_disconnected(
    method: bytes, is_gone: bool, is_answered: bool
) -> None:
    answered = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        answered.append(environ["REQUEST_METHOD"])
        start_response("204 No Content", [])
        return []

    worker: Any = SimpleNamespace(
        cfg=Config(),
        alive=True,
        _is_full=False,
        wsgi=application,
        log=SimpleNamespace(access=lambda *_: None),
        _loop=SimpleNamespace(call_soon_threadsafe=lambda *_: None),
        _send=None,
        handle_error=lambda *_: None,
    )
    connection: Any = SimpleNamespace(
        transport=SimpleNamespace(is_closing=lambda: is_gone),
        peer=("127.0.0.1", 1),
        server=("127.0.0.1", 2),
        send=None,
    )
    worker._respond = partial(Worker._respond, worker)
    worker._end = partial(Worker._end, worker)
    Worker._answer(worker, connection, received_request(method))
    assert bool(answered) == is_answered


def test_a_request_counts_until_its_thread_has_finished() -> None:
    transport: Any = Mock(**{"get_write_buffer_size.return_value": 0, "is_closing.return_value": False})
    worker: Any = Mock(cfg=Config(), connections=set(), held=0)
    connection = Connection(worker)
    worker.connections.add(connection)
    connection.connection_made(transport)
    connection.data_received(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)
    worker.answer.assert_called_once()
    transport.is_closing.return_value = True
    connection.connection_lost(ConnectionResetError())
    assert worker.connections == {connection}
    assert worker.held == 5000
    connection.send(bytearray(b"HTTP/1.1 204 No Content\r\n\r\n"), is_last=False)
    assert worker.connections == set()
    assert worker.held == 0
    transport.write.assert_not_called()


def test_a_half_closed_connection_is_closed_after_the_callback_that_all_is_sent() -> None:
    """asyncio uses the transport once more after resume_writing()."""
    transport: Any = Mock(**{"get_write_buffer_size.return_value": 5_000_000, "is_closing.return_value": False})
    worker: Any = Mock(cfg=Config(), connections=set(), held=0)
    connection = Connection(worker)
    worker.connections.add(connection)

    async def send_all() -> None:
        connection.connection_made(transport)
        connection.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.eof_received()
        connection.send(bytearray(b"HTTP/1.1 200 OK\r\n\r\n"), is_last=False)
        transport.get_write_buffer_size.return_value = 0
        connection.resume_writing()
        transport.close.assert_not_called()
        await asyncio.sleep(0)
        transport.close.assert_called_once()

    asyncio.run(send_all())


def test_an_error_after_the_response_does_not_change_it() -> None:
    class Body(list[bytes]):
        def close(self) -> None:
            raise RuntimeError("a receiver of request_finished failed")

    def application(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("201 Created", [("Content-Length", "4")])
        return Body([b"done"])

    worker: Any = SimpleNamespace(cfg=Config(), alive=True, _is_full=False, wsgi=application, log=Mock())
    worker._end = partial(Worker._end, worker)
    connection: Any = SimpleNamespace(peer=("127.0.0.1", 1), server=("127.0.0.1", 2))
    output = _Output()
    assert not Worker._respond(worker, connection, received_request(b"POST"), output)
    assert output.startswith(b"HTTP/1.1 201 Created")
    assert output.endswith(b"done")
    worker.log.exception.assert_called_once()

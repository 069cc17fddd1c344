"""Requests whose clients have gone before a thread took them."""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from service.arrival import Arrival, next_request
from service.worker import Worker


def arrival(method: bytes) -> Arrival:
    received = bytearray(method + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with pytest.raises(StopIteration) as stop:
        next(next_request(received, bytearray(), Config(), ("127.0.0.1", 1)))
    return stop.value.value  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("method", "is_gone", "is_answered"),
    [(b"GET", False, True), (b"GET", True, False), (b"HEAD", True, False), (b"POST", True, True)],
)
def test_only_writes_are_carried_out_for_clients_that_have_gone(
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
        handle_error=lambda *_: None,
    )
    connection: Any = SimpleNamespace(
        transport=SimpleNamespace(is_closing=lambda: is_gone),
        peer=("127.0.0.1", 1),
        server=("127.0.0.1", 2),
        send=None,
    )
    Worker._answer(worker, connection, arrival(method))
    assert bool(answered) == is_answered

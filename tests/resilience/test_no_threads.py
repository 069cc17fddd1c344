"""A process that cannot start another thread."""

import threading
from collections.abc import Callable

import psycopg2
import pytest

from resilience import http
from resilience.backends.postgresql import hosts
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def connect_over_http() -> None:
    with http.session(1) as session:
        http.post_json(session, "http://127.0.0.1:1/", {}, headers={}, max_bytes=1)


def connect_to_a_database() -> None:
    hosts.connect(lambda params: None, {"host": "127.0.0.1", "port": "1"}, 1.0)


@pytest.mark.parametrize(
    ("connect", "errors"), [(connect_over_http, http.ERRORS), (connect_to_a_database, (psycopg2.Error,))]
)
def test_connection_without_a_thread_is_an_ordinary_failure(
    connect: Callable[[], None], errors: tuple[type[Exception], ...]
) -> None:
    with pytest.raises(errors):
        connect()


def test_check_without_a_thread_has_failed() -> None:
    breaker = Breaker(
        "thing",
        fail_max=1,
        reset_timeout=20,
        check=lambda: True,
        classify=lambda error: Outcome.SUSPECT,
        errors=(OSError,),
    )

    def fail() -> None:
        raise OSError

    with pytest.raises(CallFailed):
        breaker.call(fail)
    assert breaker.state == "open"

"""Requests start the background threads, and start them again."""

import logging
import threading
from collections.abc import Iterator

import pytest
from django.test import Client

from service import background


class Loop:
    """A thread's work that ends when it is told to."""

    def __init__(self) -> None:
        self.starts = threading.Semaphore(0)
        self.end = threading.Event()

    def __call__(self) -> None:
        self.starts.release()
        self.end.wait()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    loop = Loop()
    monkeypatch.setattr(background, "LOOPS", {"loop": loop})
    monkeypatch.setattr(background, "_threads", {})
    yield loop
    loop.end.set()


def test_the_first_request_starts_a_thread_and_the_second_none(client: Client, loop: Loop) -> None:
    client.get("/livez")
    client.get("/livez")
    assert loop.starts.acquire(timeout=10)
    assert not loop.starts.acquire(blocking=False)


def test_a_request_starts_a_thread_that_has_ended_again(client: Client, loop: Loop) -> None:
    client.get("/livez")
    assert loop.starts.acquire(timeout=10)
    loop.end.set()
    background._threads["loop"].join(10)
    client.get("/livez")
    assert loop.starts.acquire(timeout=10)


def test_a_thread_that_cannot_be_started_fails_no_request(
    client: Client, loop: Loop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full, caplog.at_level(logging.ERROR):
        full.setattr(threading.Thread, "start", refuse)
        assert client.get("/livez").status_code == 200
    assert "a background thread cannot be started" in caplog.text
    client.get("/livez")
    assert loop.starts.acquire(timeout=10)

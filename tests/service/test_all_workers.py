"""The status page adds up all worker processes."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.test import Client

from resilience import breakers
from service import all_workers

OTHER = 4_000_000  # no process has this id


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that moves the clock of this module on."""
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(all_workers, "time", clock)

    def move(seconds: float) -> None:
        clock.monotonic = lambda: 1000.0 + seconds

    return move


def ask(client: Client, workers: str = "all") -> Any:
    return client.get(f"/breakers/database?workers={workers}").json()


def another_process_writes(folder: Path) -> None:
    """What this process would write, under the name of another one."""
    all_workers.publish()
    (folder / f"breakers_{os.getpid()}.json").replace(folder / f"breakers_{OTHER}.json")


def test_nothing_is_written_while_nobody_watches(client: Client, folder: Path, after: Callable[[float], None]) -> None:
    all_workers.publish()
    assert list(folder.iterdir()) == []
    ask(client)
    after(all_workers.WATCHED - 1)
    all_workers.publish()
    (written,) = folder.glob("breakers_*.json")
    written.unlink()
    after(all_workers.WATCHED + 1)
    all_workers.publish()
    assert list(folder.glob("breakers_*.json")) == []


def test_answers_and_changes_of_all_processes_are_together(
    client: Client, folder: Path, after: Callable[[float], None]
) -> None:
    breaker = breakers.database_breaker()
    breaker.answered("live", 0.5)
    breaker.open_for(20)
    ask(client)
    another_process_writes(folder)
    breakers.get.cache_clear()  # this process has seen another story
    breakers.database_breaker().answered("stale", 0.1)
    after(2)
    found = ask(client)
    assert found["workers"] == {"closed": 1, "open": 1}
    assert found["state"] == "open"  # the worst
    assert found["answers"] == {"live": 1, "stale": 1, "default": 0}
    assert [event["to_state"] for event in found["events"]] == ["open"]
    assert sum(second["live"] for second in found["timeline"]) == 1
    assert [second["ago"] for second in found["timeline"]] == sorted(
        (second["ago"] for second in found["timeline"]), reverse=True
    )
    alone = client.get("/breakers/database").json()
    assert (alone["workers"], alone["answers"]["live"]) == ({"closed": 1}, 0)


def test_seconds_of_two_processes_are_one_bar() -> None:
    second = {"ago": 3, "live": 1, "stale": 0, "default": 2, "slowest": 0.5}
    own = all_workers.describe(breakers.database_breaker())
    merged = all_workers.merge([own | {"timeline": [second]}, own | {"timeline": [second | {"slowest": 0.7}]}])
    assert merged["timeline"] == [{"ago": 3, "live": 2, "stale": 0, "default": 4, "slowest": 0.7}]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": 0}', b'{"at": "x", "breakers": {}}'])
def test_a_file_that_cannot_be_used_counts_as_none(client: Client, folder: Path, content: bytes) -> None:
    (folder / f"breakers_{OTHER}.json").write_bytes(content)
    (folder / "watched.json").write_bytes(content)
    assert ask(client)["workers"] == {"closed": 1}


def test_a_process_that_ended_is_soon_forgotten(client: Client, folder: Path, after: Callable[[float], None]) -> None:
    ask(client)
    another_process_writes(folder)
    assert ask(client)["workers"] == {"closed": 2}
    after(all_workers.FRESH + 1)
    assert ask(client)["workers"] == {"closed": 1}
    after(all_workers.KEPT + 1)
    ask(client)
    assert list(folder.glob("breakers_*.json")) == []


def test_without_the_folder_it_is_this_process(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.rmdir()
    assert ask(client)["workers"] == {"closed": 1}
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    assert ask(client)["workers"] == {"closed": 1}


def test_another_value_is_refused(client: Client) -> None:
    response = client.get("/breakers/database?workers=two")
    assert response.status_code == 400
    assert list(orjson.loads(response.content)) == ["workers"]

"""The spool keeps events in order during an outage, bounded, across crashes."""

import fcntl
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from campaigns import spool as module
from campaigns.decisions import Decision
from campaigns.models import Kind, Reason
from campaigns.spool import AdEvent, Spool
from resilience.errors import DependencyUnavailable

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


def click(number: int, reason: Reason | None = None) -> AdEvent:
    decision = Decision(f"d{number}", 1, 2, "PEN", 1, 300_000, "top", "hash")
    return AdEvent(Kind.CLICK, decision, NOW, reason, f"address {number}")


def write(line: str) -> None:
    folder = Path(settings.ADS_SPOOL_DIR)
    folder.mkdir(exist_ok=True)
    with (folder / "events").open("a") as file:
        file.write("\n" + line)


def aside() -> list[str]:
    return (Path(settings.ADS_SPOOL_DIR) / "unreadable").read_text().splitlines()


def test_an_event_is_delivered_as_it_was() -> None:
    delivered: list[AdEvent] = []
    kept = [click(1), click(2, Reason.ROBOT), AdEvent(Kind.IMPRESSION, None, NOW, Reason.SIGNATURE)]
    for each in kept:
        Spool(delivered.append).add(each)
    assert Spool(delivered.append).deliver() == 3  # another process, after a restart
    assert delivered == kept
    assert Spool(delivered.append).deliver() == 0


@pytest.mark.parametrize("end", [DependencyUnavailable("database", 20), SystemExit()])  # or the process is ended
def test_an_interrupted_delivery_goes_on_after_the_last_event(end: BaseException) -> None:
    delivered: list[AdEvent] = []

    def fail_at_the_second(happened: AdEvent) -> None:
        if happened == click(2):
            raise end
        delivered.append(happened)

    spool = Spool(fail_at_the_second)
    spool.add(click(1))
    spool.add(click(2))
    with pytest.raises(type(end)):
        spool.deliver()
    spool.add(click(3))
    Spool(delivered.append).deliver()
    assert delivered == [click(1), click(2), click(3)]


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    monkeypatch.setattr(module, "ROOM_OF_CLIENT", 1)
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    for number in range(50):
        spool.add(click(number))
    assert (Path(settings.ADS_SPOOL_DIR) / "events").stat().st_size <= 1000
    assert 1 <= spool.deliver() < 50
    assert delivered == [click(number) for number in range(len(delivered))]


def test_a_truncated_line_does_not_affect_others() -> None:
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    spool.add(click(1))
    write('["click", ["d9", 1, "')
    spool.add(click(2))
    assert spool.deliver() == 2
    assert delivered == [click(1), click(2)]


def test_an_event_of_an_earlier_release_is_delivered() -> None:
    delivered: list[AdEvent] = []
    write('["click", ["d1", 1, 2, "PEN", 1, 300000, "top", "hash"], "2026-05-05T12:00:00+00:00", null]')
    write('["click", null, "2026-05-05T12:00:00+00:00", "signature"]')
    assert Spool(delivered.append).deliver() == 2
    assert delivered == [click(1)._replace(address=""), AdEvent(Kind.CLICK, None, NOW, Reason.SIGNATURE)]


@pytest.mark.parametrize(
    "line",
    [
        '["click", ["d9", 1, "',  # cut off
        '["click", ["d9", 1, 2, "PEN", 1], "2026-05-05T12:00:00+00:00", null]',
        '["view", ["d9", 1, 2, "PEN", 1, 300000, "top", "hash"], "2026-05-05T12:00:00+00:00", null]',
        '["click", null, "2026-05-05T12:00:00+00:00", "no such reason"]',
        '["click", null, "2026-05-05T12:00:00+00:00", "signature", "address", "more"]',
        '{"kind": "click"}',
        "3",
    ],
)
def test_an_unreadable_line_is_set_aside_and_logged(line: str, caplog: pytest.LogCaptureFixture) -> None:
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    write(line)
    spool.add(click(2))
    assert spool.deliver() == 1
    assert delivered == [click(2)]
    assert aside() == [line]
    assert "an event of the spool is set aside" in caplog.text
    assert not spool.is_waiting()


def test_the_file_of_unreadable_lines_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES_ASIDE", 100)
    for _ in range(10):
        write("x" * 20)
    Spool(lambda happened: None).deliver()
    assert aside() == ["x" * 20] * 4
    assert "an event of the spool is lost" in caplog.text


def test_if_no_line_can_be_set_aside_the_others_are_delivered_once(caplog: pytest.LogCaptureFixture) -> None:
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    spool.add(click(1))
    write("x")
    spool.add(click(2))
    (Path(settings.ADS_SPOOL_DIR) / "unreadable").symlink_to("/dev/full")
    assert spool.deliver() == 2
    assert delivered == [click(1), click(2)]
    assert "an event of the spool is lost" in caplog.text
    assert not spool.is_waiting()


def test_an_event_that_cannot_be_written_does_not_affect_others() -> None:
    delivered: list[AdEvent] = []

    def refuse_the_first(happened: AdEvent) -> None:
        if happened == click(1):
            raise ValueError("what is this?")
        delivered.append(happened)

    spool = Spool(refuse_the_first)
    spool.add(click(1))
    with (Path(settings.ADS_SPOOL_DIR) / "events").open("ab") as file:
        file.write(b"\n\xff\xfe")
    spool.add(click(2))
    assert spool.deliver() == 1
    assert delivered == [click(2)]
    assert len(aside()) == 2


def test_unbilled_events_leave_room_in_the_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 4000)
    monkeypatch.setattr(module, "ROOM_OF_CLIENT", 1)
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    for number in range(100):
        spool.add(click(number, Reason.ROBOT))
    spool.add(click(1000))
    spool.deliver()
    assert click(1000) in delivered
    assert 1 < len(delivered) < 20


@pytest.mark.parametrize("reason", [None, Reason.ROBOT])
@pytest.mark.parametrize("collected", [1, 100])
def test_one_address_leaves_room_for_others_however_many_urls_it_has(
    monkeypatch: pytest.MonkeyPatch, collected: int, reason: Reason | None
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    for number in range(500):
        spool.add(click(number % collected, reason)._replace(address="fraudster"))
    spool.add(click(1000))
    spool.deliver()
    assert delivered[-1] == click(1000)
    assert 1 < len(delivered) < 20


def test_one_url_without_an_address_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    for _ in range(500):
        spool.add(click(1)._replace(address=""))
    spool.add(click(2)._replace(address=""))
    spool.deliver()
    assert delivered[-1] == click(2)._replace(address="")
    assert 1 < len(delivered) < 20


def test_delivery_frees_the_share_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)
    for _ in range(2):
        for number in range(20):
            spool.add(click(number)._replace(address="address"))
        spool.deliver()
        spool.deliver()  # as it does twice a second
    half = len(delivered) // 2
    assert delivered[:half] == delivered[half:]


def test_an_unwritable_spool_raises_nothing(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.ADS_SPOOL_DIR = "/proc/nowhere"
    Spool(lambda happened: None).add(click(1))
    assert "an event is lost" in caplog.text


def test_simultaneous_events_are_all_kept() -> None:
    delivered: list[AdEvent] = []
    spool = Spool(delivered.append)

    def add_fifty(first: int) -> None:
        for number in range(first, first + 50):
            spool.add(click(number))

    threads = [threading.Thread(target=add_fifty, args=[first]) for first in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        spool.deliver()
    spool.deliver()
    assert len(delivered) == len({each.decision for each in delivered}) == 400


def test_a_process_that_is_stopped_while_it_writes_holds_no_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("campaigns.spool.LOCK_TIMEOUT", 0.05)
    spool = Spool(lambda event: None)
    spool.add(click(1))
    with (Path(settings.ADS_SPOOL_DIR) / "write.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as another process
        spool.add(click(1))
        assert "an event is lost" in caplog.text
        with pytest.raises(TimeoutError):
            spool.deliver()
    assert spool.deliver() == 1

import io
import json
import logging
import sys
import threading
from contextvars import Context
from datetime import UTC, datetime
from typing import Any

import pytest

from service import logs
from service.logs import JSONFormatter, RefusalFilter


def line(**record: Any) -> dict[str, Any]:
    """The line as a log collector parses it: strict JSON."""
    # In a new context, without a request.
    text: str = Context().run(JSONFormatter().format, logging.makeLogRecord(record))
    assert "\n" not in text

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    parsed: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return parsed


def test_a_line_has_time_level_logger_and_message() -> None:
    logged = line(
        name="shop", levelno=30, levelname="WARNING", msg="sold %d of %s", args=(3, "pen"), created=1_391_817_600.25
    )
    assert logged == {
        "time": "2014-02-08T00:00:00.250+00:00",
        "level": "warning",
        "logger": "shop",
        "message": "sold 3 of pen",
    }


def test_extras_are_fields() -> None:
    logged = line(msg="x", asin="P1", price=2.5, tags=["a"], when=datetime(2014, 2, 8, tzinfo=UTC), kind=KeyError)
    assert (logged["asin"], logged["price"], logged["tags"]) == ("P1", 2.5, ["a"])
    assert logged["when"] == "2014-02-08 00:00:00+00:00"
    assert "KeyError" in logged["kind"]


@pytest.mark.parametrize("message", ["line\nbreak", "naïve ☃", 'quote " and \\', "\ud800"])
def test_any_text_survives(message: str) -> None:
    assert line(msg=message)["message"] == message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {("a", "b"): 1}, {"deep": [float("nan")]}, b"\xff"])
def test_a_value_without_a_json_type_becomes_text(value: Any) -> None:
    assert line(msg="x", value=value)["value"] == str(value)


def test_an_exception_comes_with_its_traceback() -> None:
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        logged = line(msg="x", exc_info=sys.exc_info())
    assert "ZeroDivisionError: by nothing" in logged["traceback"]
    assert "test_logs.py" in logged["traceback"]


@pytest.mark.parametrize(
    ("name", "status", "is_logged"),
    [("django.request", 503, False), ("django.request", 500, True), ("shop", 503, True)],
)
def test_a_503_is_told_by_the_breaker_only(name: str, status: int, is_logged: bool) -> None:
    record = logging.makeLogRecord({"name": name, "status_code": status})
    assert RefusalFilter().filter(record) is is_logged


class SlowStream(io.StringIO):
    """Takes nothing until ``may_go_on`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()

    def write(self, text: str) -> int:
        self.may_go_on.wait(30)
        return super().write(text)


def test_lines_are_written_in_their_order_and_those_too_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_WAITING", 3)
    monkeypatch.setattr(logs, "FLUSH_TIMEOUT", 30)
    stream = SlowStream()
    handler = logs.PatientHandler(stream)
    handler.write_in_thread()
    for number in range(10):
        handler.handle(logging.makeLogRecord({"msg": f"line {number}"}))
    stream.may_go_on.set()
    handler.flush()
    handler.handle(logging.makeLogRecord({"msg": "the last line"}))
    handler.flush()
    lines = stream.getvalue().splitlines()
    shown = [line for line in lines if line.startswith("line")]
    assert shown == [f"line {number}" for number in range(len(shown))]
    assert len(shown) in (3, 4)  # the thread may have taken one
    assert "the last line" in lines
    assert f"{10 - len(shown)} log lines were dropped, because nobody read them in time" in lines


def test_the_end_of_a_process_does_not_wait_for_a_log_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FLUSH_TIMEOUT", 0.1)
    stream = SlowStream()
    handler = logs.PatientHandler(stream)
    handler.write_in_thread()
    handler.handle(logging.makeLogRecord({"msg": "a line"}))
    handler.flush()
    assert stream.getvalue() == ""
    stream.may_go_on.set()

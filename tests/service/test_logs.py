import json
import logging
import sys
from contextvars import Context
from datetime import UTC, datetime
from typing import Any

import pytest

from service.logs import JSONFormatter


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

"""The breakers of all worker processes of a service on this host, for the status page.

A process sees its own breakers only. While somebody watches, each process writes them once a second to a file in the
folder of the metrics, and whoever answers reads the files of the others.
"""

import os
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from resilience.breaker import Breaker
from resilience.breakers import all_breakers
from resilience.history import LENGTH
from resilience.provenance import SOURCES
from service import dead_workers

# All in seconds.
INTERVAL = 1.0
WATCHED = 10.0  # since the last look: then the processes stop writing
FRESH = 5.0  # a file that is older is of a process that has ended or hangs
KEPT = 60.0

UNUSABLE = (OSError, ValueError, KeyError, TypeError)  # what reading such a file may raise
STATES = ("closed", "half-open", "open")  # the worst last


def start() -> None:
    """Write the breakers of this process while somebody watches, in a thread."""
    threading.Thread(target=_run, name="status", daemon=True).start()


def _run() -> None:
    while True:
        time.sleep(INTERVAL)
        with suppress(OSError):  # the disk is full, or somebody removed the folder
            publish()


def publish() -> None:
    """Write the breakers of this process if somebody watches. Raises OSError."""
    if _age(_watched()) < WATCHED:
        content = {"at": time.monotonic(), "breakers": {each.name: describe(each) for each in all_breakers()}}
        _write(_file_of(os.getpid()), content)


def describe(breaker: Breaker) -> dict[str, Any]:
    """The breaker in this process, with its history."""
    own = breaker.describe()
    return {**own, "events": breaker.events(), "timeline": breaker.answers.timeline(), "workers": {own["state"]: 1}}


def together(breaker: Breaker) -> dict[str, Any]:
    """The breaker in all worker processes, those included that began to write within the last second."""
    own = describe(breaker)
    if dead_workers.FOLDER not in os.environ:
        return own
    with suppress(OSError):
        _write(_watched(), {"at": time.monotonic()})
    return merge([own, *_others(breaker.name)])


def merge(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum the answers and join the changes. The rest is that of the process whose state is worst."""
    errors = [part["last_error"] for part in parts if part["last_error"]]
    seconds: dict[int, dict[str, Any]] = {}
    for second in (second for part in parts for second in part["timeline"]):
        known = seconds.setdefault(second["ago"], dict.fromkeys(second, 0) | {"ago": second["ago"]})
        known.update({source: known[source] + second[source] for source in SOURCES})
        known["slowest"] = max(known["slowest"], second["slowest"])
    return {
        **max(parts, key=lambda part: STATES.index(part["state"])),
        "last_error": max(errors, key=lambda error: str(error["time"]), default=None),
        "answers": {source: sum(part["answers"][source] for part in parts) for source in SOURCES},
        "events": sorted((e for part in parts for e in part["events"]), key=lambda e: str(e["time"]))[
            : -LENGTH - 1 : -1
        ],
        "timeline": [seconds[ago] for ago in sorted(seconds, reverse=True)],
        "workers": dict(sum((Counter(part["workers"]) for part in parts), Counter[str]())),
    }


def _others(name: str) -> list[dict[str, Any]]:
    """This breaker as the other processes have written it, with the seconds counted from now."""
    found = []
    for file in dead_workers.folder().glob("breakers_*.json"):
        if file == _file_of(os.getpid()):
            continue
        age = _age(file)
        if age > KEPT:
            file.unlink(missing_ok=True)
        with suppress(*UNUSABLE):
            if age < FRESH:
                part = orjson.loads(file.read_bytes())["breakers"][name]
                for second in part["timeline"]:
                    second["ago"] += round(age)
                found.append(part)
    return found


def _age(file: Path) -> float:
    """Seconds since it was written, on the clock that all processes of this host share; infinite if there is none."""
    try:
        return time.monotonic() - float(orjson.loads(file.read_bytes())["at"])
    except UNUSABLE:
        return float("inf")


def _write(file: Path, content: dict[str, Any]) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_bytes(orjson.dumps(content))
    new.replace(file)


def _file_of(process: int) -> Path:
    return dead_workers.folder() / f"breakers_{process}.json"


def _watched() -> Path:
    return dead_workers.folder() / "watched.json"

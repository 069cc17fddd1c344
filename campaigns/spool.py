"""Keeps events in a file during a database outage and writes them to the database afterwards.

The file outlives the process. A delivery that is interrupted goes on after the last event that was delivered. All
processes of a host share one file of bounded size. Events beyond it are lost and logged.
"""

import fcntl
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from campaigns.decisions import Decision
from campaigns.models import Kind, Reason
from resilience.errors import DependencyUnavailable

MAX_BYTES = 20_000_000
ROOM_OF_UNBILLED = 0.25  # part of the file for events that do not count, so that nobody fills it with these
ROOM_OF_CLIENT = 0.01  # part of the file for one address in each process, some 500 lines
DONE = b"#"  # at the start of a line that was delivered or set aside
ASIDE, MAX_BYTES_ASIDE = "unreadable", 1_000_000  # the file for lines that cannot be delivered
EVERY = 0.5  # seconds between attempts to deliver
LOCK_TIMEOUT = 2.0  # seconds; a write takes less than a millisecond, but a process can be stopped while it writes
LOCK_POLL = 0.002  # seconds

logger = logging.getLogger(__name__)


class AdEvent(NamedTuple):
    """An impression or a click.

    ``decision`` is None if the token is not valid. ``reason`` is why it does not count, as far as that is known without
    the database. ``address`` is the hash of the client's address, or empty.
    """

    kind: Kind
    decision: Decision | None
    at: datetime
    reason: Reason | None
    address: str = ""


class Spool:
    """``deliver`` writes an event to the database. It raises DependencyUnavailable during an outage."""

    def __init__(self, deliver: Callable[[AdEvent], object]) -> None:
        self._deliver = deliver
        self._kept: Counter[str] = Counter()  # bytes in the file, by client

    @property
    def _folder(self) -> Path:
        return Path(settings.ADS_SPOOL_DIR)

    def add(self, event: AdEvent) -> None:
        """Append an event to the file, if there is room. Never raises."""
        kind, decision, at, reason, address = event
        # Starts with a line break, because the last line may be cut off.
        line = "\n" + json.dumps([kind, decision, at.isoformat(), reason, address])
        room = MAX_BYTES * (ROOM_OF_UNBILLED if reason else 1)
        client = address or (decision.id if decision else "")
        try:
            with self._alone("write.lock"), (self._folder / "events").open("a") as file:
                if self._kept[client] + len(line) > MAX_BYTES * ROOM_OF_CLIENT:
                    return  # not logged, because one client could fill the log
                if file.tell() + self._size("delivering") + len(line) > room:
                    logger.error("the spool is full: an event is lost", extra={"kind": kind})
                    return
                file.write(line)
                self._kept[client] += len(line)
        except OSError as error:
            logger.error("the spool cannot be written: an event is lost", extra={"error": str(error)})

    def _size(self, name: str) -> int:
        with suppress(FileNotFoundError):
            return (self._folder / name).stat().st_size
        return 0

    def is_waiting(self) -> bool:
        """Return whether this host has events to deliver."""
        return (self._folder / "events").exists() or (self._folder / "delivering").exists()

    def run(self) -> None:
        """Deliver events for ever, those of other processes too."""
        while True:
            try:
                self.deliver()
            except (DependencyUnavailable, TimeoutError):
                pass  # try again; perhaps another process delivers
            except OSError as error:
                logger.error("the spool cannot be read", extra={"error": str(error)})
            time.sleep(EVERY)

    def deliver(self) -> int:
        """Write all events to the database, one process at a time. Return how many.

        Raises DependencyUnavailable, or TimeoutError if another process does it.
        """
        taken, count = self._folder / "delivering", 0
        if not self.is_waiting():
            self._kept.clear()
            return 0
        with self._alone("deliver.lock", timeout=0):
            while True:
                if not taken.exists():
                    with self._alone("write.lock"), suppress(FileNotFoundError):
                        (self._folder / "events").rename(taken)
                if not taken.exists():
                    return count
                count += self._deliver_file(taken)

    def _deliver_file(self, taken: Path) -> int:
        count = 0
        with taken.open("r+b") as file:
            for start, line in _waiting(file.read()):
                try:
                    self._deliver(_parsed(line))
                    count += 1
                except DependencyUnavailable:
                    raise
                except Exception as error:  # a bad line must not block all others
                    self._set_aside(line, error)
                # In place: the process may be killed before the next line, and a full disk takes no new file. The
                # ledger counts a billed event once; only this mark keeps an unbilled one from counting again.
                os.pwrite(file.fileno(), DONE, start)
        taken.unlink()
        return count

    def _set_aside(self, line: str, error: Exception) -> None:
        """Move a line that cannot be delivered to the file ASIDE, if there is room."""
        is_room = self._size(ASIDE) + len(line) < MAX_BYTES_ASIDE
        try:
            if is_room:
                with (self._folder / ASIDE).open("a") as file:
                    file.write(line + "\n")
        except OSError:  # such as a full disk: deliver the next lines
            is_room = False
        logger.error(
            "an event of the spool is set aside" if is_room else "an event of the spool is lost",
            extra={"file": str(self._folder / ASIDE), "error": f"{type(error).__name__}: {error}"},
        )

    @contextmanager
    def _alone(self, name: str, timeout: float | None = None) -> Iterator[None]:
        """Hold a lock of the host. Raises TimeoutError if another process holds it for ``timeout`` seconds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + (LOCK_TIMEOUT if timeout is None else timeout)
        with (self._folder / name).open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise TimeoutError(f"another process holds {name}") from None
                    time.sleep(LOCK_POLL)
            yield


def _waiting(content: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not DONE, each with its offset in bytes."""
    start = 0
    for line in content.split(b"\n"):
        if line and not line.startswith(DONE):
            yield start, line.decode(errors="replace")
        start += len(line) + 1


def _parsed(line: str) -> AdEvent:
    """Parse a line; lines of an earlier release have no address. Raises ValueError or TypeError for one that is cut off
    or was written by a later release."""
    kind, decision, at, reason, *address = json.loads(line)
    if len(address) > 1:
        raise ValueError("more fields than this release knows")
    return AdEvent(
        Kind(kind),
        Decision(*decision) if decision else None,
        datetime.fromisoformat(at),
        Reason(reason) if reason else None,
        *address,
    )

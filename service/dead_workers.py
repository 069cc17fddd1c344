"""The metrics of worker processes that have ended, folded into one file of each type.

prometheus_client keeps the files of each process for ever, as its counts must not fall: a service whose workers are
killed now and then would read more files on every scrape. Counters and histograms are sums, so theirs are added up.
"""

import fcntl
import logging
import os
import struct
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import multiprocess
from prometheus_client.mmap_dict import MmapedDict

TYPES = ("counter", "histogram")
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the variable that names where worker processes keep their figures
FOLDED = "folded"  # stands in a file's name where the others have a process's id

logger = logging.getLogger(__name__)


def folder() -> Path:
    """Where worker processes keep their figures."""
    return Path(os.environ[FOLDER])


def has_content(file: Path) -> bool:
    """False for the file of a process that is just starting, or has just ended."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def folder_lock(operation: int) -> Iterator[None]:
    """Hold the lock of the folder: shared while it is read, exclusive while it is folded. Raises BlockingIOError."""
    with (folder() / "lock").open("w") as file:
        fcntl.flock(file, operation)
        yield


def fold(ended: int, running: Collection[int]) -> None:
    """Take the process ``ended`` out of the gauges, and add up what all that are not ``running`` have counted.

    While somebody reads the folder nothing is added up: the next time will do. The process that calls may have files.
    """
    multiprocess.mark_process_dead(ended)  # type: ignore[no-untyped-call]
    names = {str(each) for each in (*running, os.getpid(), FOLDED)}
    try:
        with folder_lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for kind in TYPES:
                files = {file: file.stem.removeprefix(f"{kind}_") for file in folder().glob(f"{kind}_*.db")}
                _add_up(folder() / f"{kind}_{FOLDED}.db", [file for file, name in files.items() if name not in names])
    except BlockingIOError:
        pass


def _add_up(folded: Path, dead: list[Path]) -> None:
    """Make the sum and put it in its place as a whole, then remove what is in it."""
    if not dead:
        return
    sums: dict[str, float] = defaultdict(float)
    for file in (folded, *dead):
        for key, value in _values(file):
            sums[key] += value
    new = folded.with_suffix(".new")
    new.unlink(missing_ok=True)
    written = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]
    new.replace(folded)
    for file in dead:
        file.unlink()


def _values(file: Path) -> list[tuple[str, float]]:
    """What a process has counted; nothing of a file that it was killed over."""
    if not has_content(file):
        return []
    try:
        return [(key, value) for key, value, *_ in MmapedDict.read_all_values_from_file(str(file))]  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, struct.error) as error:
        logger.warning("the metrics of a worker process are lost", extra={"file": str(file), "error": str(error)})
        return []

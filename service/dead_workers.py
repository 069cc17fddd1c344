"""Merges the metrics of worker processes that have ended into one file per type.

prometheus_client keeps the files of every process for ever, because counts must not fall. Each killed worker would add
files that every scrape reads. Counters and histograms are sums, so this module adds them up.
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

from service import metrics_files

TYPES = ("counter", "histogram")
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the variable that names the folder of the metrics files
MERGED = "merged"  # in the name of the merged file, where the others have a process id

logger = logging.getLogger(__name__)


def folder() -> Path:
    """The folder of the metrics files."""
    return Path(os.environ[FOLDER])


def has_content(file: Path) -> bool:
    """Whether the file has data; a process that is just starting or has just ended may have none."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def folder_lock(operation: int) -> Iterator[None]:
    """Lock the folder: shared to read it, exclusive to merge files. Raises BlockingIOError."""
    descriptor = os.open(folder(), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)


def merge(ended: int, running: Collection[int]) -> None:
    """Remove the gauges of the process ``ended``, and merge the files of all processes that are not ``running``.

    While a scrape reads the folder, or the disk is full, nothing is merged: the next call does it. The calling process
    keeps its own files.
    """
    multiprocess.mark_process_dead(ended)  # type: ignore[no-untyped-call]
    names = {str(each) for each in (*running, os.getpid(), MERGED)}
    try:
        with folder_lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for kind in TYPES:
                files = {file: file.stem.removeprefix(f"{kind}_") for file in folder().glob(f"{kind}_*.db")}
                _add_up(folder() / f"{kind}_{MERGED}.db", [file for file, name in files.items() if name not in names])
    except BlockingIOError:
        pass
    except OSError as error:  # the disk is full, or somebody removed the folder
        logger.warning("the metrics of ended workers are not merged", extra={"error": str(error)})


def _add_up(merged: Path, dead: list[Path]) -> None:
    """Write the sums to a new file, replace the old one with it, then delete the files that it sums."""
    if not dead:
        return
    sums: dict[str, float] = defaultdict(float)
    for file in (merged, *dead):
        for key, value in _values(file):
            sums[key] += value
    new = merged.with_suffix(".new")
    metrics_files.allocate(new, sum(file.stat().st_size for file in (merged, *dead) if has_content(file)))
    written = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]
    new.replace(merged)
    for file in dead:
        file.unlink()


def _values(file: Path) -> list[tuple[str, float]]:
    """The metrics in a file; none if it is damaged, as after a kill during a write."""
    if not has_content(file):
        return []
    try:
        return [(key, value) for key, value, *_ in MmapedDict.read_all_values_from_file(str(file))]  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, struct.error) as error:
        logger.warning("the metrics of a worker process are lost", extra={"file": str(file), "error": str(error)})
        return []

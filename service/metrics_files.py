"""Metrics files whose blocks are allocated.

prometheus_client maps sparse files into memory. To write to a hole of one on a full disk ends the process with SIGBUS,
which no ``except`` can catch: the worker that counts, or gunicorn when it merges the files of dead workers.
"""

import logging
import mmap
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client import mmap_dict

logger = logging.getLogger(__name__)


class _AllocatedMap(mmap.mmap):
    """A map of a file that has all of its blocks, or of memory if the disk is full."""

    def __new__(cls, fileno: int, length: int, access: int = mmap.ACCESS_DEFAULT) -> "_AllocatedMap":
        if access != mmap.ACCESS_READ:
            try:
                os.posix_fallocate(fileno, 0, length)
            except OSError as error:
                logger.warning("some metrics of this process are not counted", extra={"error": str(error)})
                return super().__new__(cls, -1, length)
        return super().__new__(cls, fileno, length, access=access)


def install() -> None:
    """Make prometheus_client allocate. Call this before the first metric is created."""
    names: dict[str, Any] = {"mmap": _AllocatedMap, "ACCESS_READ": mmap.ACCESS_READ, "ACCESS_WRITE": mmap.ACCESS_WRITE}
    mmap_dict.mmap = SimpleNamespace(**names, PAGESIZE=mmap.PAGESIZE)  # type: ignore[attr-defined,assignment]


def allocate(file: Path, size: int) -> None:
    """Create ``file`` with at least ``size`` bytes, all zero. Raises OSError if the disk is full."""
    with file.open("wb") as new:
        os.posix_fallocate(new.fileno(), 0, max(size, mmap.PAGESIZE))

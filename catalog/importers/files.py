"""Opens a file or standard input, plain or compressed."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from catalog.importers.unpacking import BUFFER, UnreadableFile, unpacked

__all__ = ["UnreadableFile", "opened", "size"]


@contextmanager
def opened(name: str, advance: Callable[[int], object] = lambda count: None) -> Iterator[io.BufferedReader]:
    """The unpacked content of the file ``name``, or of standard input for ``-``.

    ``advance`` is called with the number of raw bytes of each read. Raises UnreadableFile, also for read errors inside
    the ``with``.
    """
    try:
        with _open(name) as raw, unpacked(io.BufferedReader(_Counted(raw, advance), BUFFER), name) as stream:
            yield stream
    except zipfile.BadZipFile as error:
        raise UnreadableFile(f"{name}: not a usable zip file ({error})") from error
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UnreadableFile(f"{name}: the compressed data is broken ({error})") from error
    except OSError as error:
        raise UnreadableFile(f"{name}: {error.strerror or error}") from error


def size(names: list[str]) -> int | None:
    """Total bytes of the files, or None if one is a stream."""
    paths = [Path(name) for name in names]
    try:
        return sum(path.stat().st_size for path in paths) if all(path.is_file() for path in paths) else None
    except OSError:
        return None


def _open(name: str) -> IO[bytes]:
    # Not sys.stdin: a reader that waits for input holds its lock, which aborts the interpreter at exit.
    return io.FileIO(0, closefd=False) if name == "-" else Path(name).open("rb")


class _Counted(io.RawIOBase):
    """Forwards reads and reports their size. It can seek if the file can, which zip needs."""

    def __init__(self, raw: IO[bytes], advance: Callable[[int], object]) -> None:
        self._raw, self._advance = raw, advance

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._raw.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)

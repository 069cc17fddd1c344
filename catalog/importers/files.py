"""Opens what people have: a plain file, ``.gz``, ``.zip`` or standard input, told apart by their first bytes."""

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO

# A longer line is refused. The longest description in the real data has 41 thousand characters.
MAX_LINE = 5_000_000


class UnreadableFile(Exception):
    """The file cannot be opened or its compression is broken; the message names it."""


class LineTooLong(str):
    """Stands in for a line over MAX_LINE, whose text was passed over."""


def lines(name: str, advance: Callable[[int], object] = lambda count: None) -> Generator[str, None, None]:
    """The text lines of the file ``name``, or of standard input for ``-``, with their line ends.

    Bytes that are not UTF-8 come as lone surrogates, so that the row they are in can be refused alone. ``advance`` is
    called with the number of raw bytes that were read since. Raises UnreadableFile.
    """
    try:
        with _open(name) as raw:
            counted = _Counted(raw, advance)
            for stream in _unpacked(io.BufferedReader(counted, 1 << 18), name):
                yield from _bounded_lines(stream)
    except zipfile.BadZipFile as error:
        raise UnreadableFile(f"{name}: not a usable zip file ({error})") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableFile(f"{name}: the compressed data is broken ({error})") from error
    except NotImplementedError as error:  # a compression method or an encryption that zipfile does not know
        raise UnreadableFile(f"{name}: {error}") from error
    except RuntimeError as error:  # what zipfile raises for a member with a password
        raise UnreadableFile(f"{name}: {error}") from error
    except OSError as error:
        raise UnreadableFile(f"{name}: {error.strerror or error}") from error


def size(names: list[str]) -> int | None:
    """Bytes of all files together, or None where one of them is a stream."""
    paths = [Path(name) for name in names]
    return sum(path.stat().st_size for path in paths) if all(path.is_file() for path in paths) else None


def _open(name: str) -> IO[bytes]:
    # Not sys.stdin: its lock, held by a reader that waits for more, would abort the interpreter at its end.
    return io.FileIO(0, closefd=False) if name == "-" else Path(name).open("rb")


class _Counted(io.RawIOBase):
    """Passes reads on and tells how much was read. Can seek where the file can, as zip needs it."""

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


def _unpacked(stream: io.BufferedReader, name: str) -> Iterator[IO[bytes]]:
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        yield gzip.GzipFile(fileobj=stream)  # type: ignore[misc]
    elif start == b"PK\x03\x04":
        with _seekable(stream) as archive, zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            # macOS adds a folder of its own with what only it can read.
            members = [member for member in members if not member.filename.startswith("__MACOSX/")]
            if len(members) != 1:
                raise UnreadableFile(f"{name}: holds {len(members)} files, and must hold one")
            with opened.open(members[0]) as member:
                yield member
    else:
        yield stream


def _seekable(stream: io.BufferedReader) -> IO[bytes]:
    """``stream`` itself, or a copy on disk: the directory of a zip is at its end."""
    if stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def _bounded_lines(stream: IO[bytes]) -> Iterator[str]:
    first = True
    while line := stream.readline(MAX_LINE):
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        if len(line) >= MAX_LINE and not line.endswith(b"\n"):  # zipfile gives a little more than it is asked for
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield LineTooLong("\n")
        else:
            yield line.decode("utf-8", "surrogateescape")

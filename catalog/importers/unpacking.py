"""Decompresses and recodes content to UTF-8, as its first bytes require."""

import bz2
import codecs
import gzip
import io
import lzma
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import IO, cast

BUFFER = 1 << 18
# Bytes. `xz -9` needs 65 MB; a file that needs more than this is an attack.
XZ_MEMORY = 256_000_000


class UnreadableFile(Exception):
    """The file cannot be opened, or its compression is broken. The message names it."""


@contextmanager
def unpacked(stream: io.BufferedReader, name: str) -> Iterator[io.BufferedReader]:
    """The content of ``stream``, unpacked from gzip, bzip2, xz or a zip with one file, and recoded from UTF-16."""
    start = stream.peek(6)[:6]
    if start.startswith(b"\x1f\x8b"):
        yield _recoded(_buffered(_Piecewise(gzip.GzipFile(fileobj=stream))))
    elif start.startswith(b"BZh") and start[3:4].isdigit():
        yield _recoded(_buffered(_Streams(stream, bz2.BZ2Decompressor)))
    elif start == b"\xfd7zXZ\0":
        yield _recoded(_buffered(_Streams(stream, partial(lzma.LZMADecompressor, memlimit=XZ_MEMORY))))
    elif start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with seekable(stream) as archive, _only_member(archive, name) as member:
            yield _recoded(_buffered(_Piecewise(member)))
    else:
        yield _recoded(stream)


def _buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(raw, BUFFER)


class _Piecewise(io.RawIOBase):
    """Returns available data at once: waiting for a full buffer would lose the data before a broken piece."""

    def __init__(self, content: gzip.GzipFile | zipfile.ZipExtFile) -> None:
        self._content = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        data = self._content.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def seekable(stream: io.BufferedReader) -> Iterator[IO[bytes]]:
    """``stream`` or a copy on disk: a zip or Parquet file has its directory at the end."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        yield copy


@contextmanager
def _only_member(archive: IO[bytes], name: str) -> Iterator[zipfile.ZipExtFile]:
    try:
        opened = zipfile.ZipFile(archive)
        members = [each for each in opened.infolist() if not _is_junk(each.filename) and not each.is_dir()]
        if len(members) != 1:
            excel = any(each.filename == "[Content_Types].xml" for each in members)
            hint = "; it looks like an Excel workbook, save the sheet as CSV" if excel else ""
            raise UnreadableFile(f"{name}: holds {len(members)} files, and must hold one{hint}")
        member = cast(zipfile.ZipExtFile, opened.open(members[0]))
    except (NotImplementedError, RuntimeError) as error:  # an unknown compression method, or a password
        raise UnreadableFile(f"{name}: {error}") from error
    except (zipfile.BadZipFile, ValueError, struct.error, EOFError) as error:
        raise UnreadableFile(f"{name}: not a usable zip file ({error})") from error
    with opened, member:
        yield member


def _is_junk(path: str) -> bool:
    """Whether a file manager left this: ``__MACOSX/``, ``.DS_Store``, ``Thumbs.db``."""
    parts = PurePosixPath(path).parts
    if not parts:  # "" and "."
        return True
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].lower() in ("thumbs.db", "desktop.ini")


class _Streams(io.RawIOBase):
    """Reads concatenated streams of bzip2 or xz.

    Unlike lzma.LZMAFile it limits memory. Unlike bz2.BZ2File it raises an error if a later stream is broken at its
    start.
    """

    def __init__(
        self, stream: io.BufferedReader, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
    ) -> None:
        self._stream, self._rest = stream, b""
        self._new = new
        self._decompressor = new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while True:
            if self._decompressor.eof:  # padding and other streams may follow
                self._rest = self._decompressor.unused_data.lstrip(b"\0")
                while not self._rest and (more := self._stream.read(BUFFER)):
                    self._rest = more.lstrip(b"\0")
                if not self._rest:
                    return 0
                self._decompressor = self._new()
            if self._decompressor.needs_input and not self._rest:
                self._rest = self._stream.read(BUFFER)
                if not self._rest:
                    raise EOFError("it ends before the end-of-stream marker")
            given, self._rest = self._rest, b""
            data = self._decompressor.decompress(given, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)


def _recoded(stream: io.BufferedReader) -> io.BufferedReader:
    start = stream.peek(2)[:2]
    return _buffered(_Utf16(stream)) if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else stream


class _Utf16(io.RawIOBase):
    """Recodes UTF-16 to UTF-8. Invalid UTF-16 becomes invalid UTF-8, so that only its row is rejected."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream, self._ready = stream, b""
        self._decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self._ready:
            data = self._stream.read(BUFFER)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError:  # half a character at the end
                text = "\udcff"
                self._decoder.reset()
            if not data and not text:
                return 0
            self._ready = text.encode("utf-8", "surrogatepass")
        given, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

"""An incremental request parser: it takes bytes in pieces of any size and returns complete requests.

gunicorn's parser reads the head and rejects ambiguous framing (RFC 9112, 6.3). gunicorn's body readers block until data
arrives, so this module reads the bodies, chunked ones included.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from django.conf import settings
from gunicorn.http.errors import (
    ChunkMissingTerminator,
    InvalidChunkSize,
    InvalidHeader,
    LimitRequestHeaders,
    UnsupportedTransferCoding,
)
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

# In bytes.
MAX_HEAD = 65_536
MAX_LINE = 256  # a line with a chunk's size, or a trailer
MAX_TRAILERS = 8_192  # all trailers of a request together
MAX_FRAMING = 16_384  # by which sizes, extensions and line ends of chunks may exceed the body

MAX_EMPTY_LINES = 8  # before a request line (RFC 9112, 2.2)
LINES_PER_STEP = 200  # parsed before other connections are handled; about half a millisecond

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?")


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A received request. The body is missing if it is over the limit."""

    head: Request
    body: bytearray
    length: int  # of the body, in bytes

    @property
    def is_complete(self) -> bool:
        return len(self.body) == self.length


# What the parser needs before it goes on. None: let other connections be handled first. Bytes: send these, if any, to
# the client, then wait for more data.
Step: TypeAlias = bytes | None


def next_request(received: bytearray, body: bytearray, cfg: Any, peer: Any) -> Generator[Step, None, ReceivedRequest]:
    """Move one request from ``received``, its body to ``body``.

    Raises errors that gunicorn's ``handle_error()`` handles.
    """
    yield from _empty_lines(received)
    searched = 0
    while True:
        end = received.find(b"\r\n\r\n", searched)
        if (len(received) if end < 0 else end) > MAX_HEAD:
            raise LimitRequestHeaders(f"The head is larger than {MAX_HEAD} bytes.")
        if end >= 0:
            break
        searched = max(0, len(received) - 3)
        yield b""
    try:
        head = Request(cfg, IterUnreader([_take(received, end + 4)]), peer)
    except UnsupportedTransferCoding as error:  # gunicorn answers 501, but this is the client's error
        raise InvalidHeader("Transfer-Encoding") from error
    fields = dict(head.headers)
    length = int(fields.get("CONTENT-LENGTH", "0"))
    if length > _limit():
        return ReceivedRequest(head, body, length)
    is_chunked = "TRANSFER-ENCODING" in fields
    if head._expected_100_continue and (length or is_chunked) and not received:
        yield CONTINUE
    if is_chunked:
        length = yield from _chunks(received, body)
    else:
        while len(received) < length:
            yield b""
        body += _take(received, length)
    return ReceivedRequest(head, body, length)


def _limit() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def _take(received: bytearray, size: int) -> bytes:
    taken = bytes(received[:size])
    del received[:size]
    return taken


def _empty_lines(received: bytearray) -> Generator[Step, None, None]:
    """Drop the empty lines before a request line."""
    for _ in range(MAX_EMPTY_LINES):
        while len(received) < 2:
            yield b""
        if not received.startswith(b"\r\n"):
            return
        del received[:2]


def _chunks(received: bytearray, body: bytearray) -> Generator[Step, None, int]:
    """Move a chunked body (RFC 9112, 7.1) from ``received`` to ``body``, and return its length. Drops trailers."""
    framing = 0
    for lines in count(1):
        line = yield from _line(received, lines)
        found = _CHUNK_SIZE.fullmatch(line)
        if not found:
            raise InvalidChunkSize(line)
        size = int(found[1], 16)
        if not size:
            break
        if len(body) + size > _limit():
            return len(body) + size
        while len(received) < size + 2:
            yield b""
        body += _take(received, size)
        if (ending := _take(received, 2)) != b"\r\n":
            raise ChunkMissingTerminator(ending)
        framing += len(line) + 4
        if framing > len(body) + MAX_FRAMING:
            raise InvalidChunkSize(line)
    trailers = 0
    for lines in count(1):
        line = yield from _line(received, lines)
        if not line:
            break
        trailers += len(line) + 2
        if trailers > MAX_TRAILERS:
            raise LimitRequestHeaders(f"The trailers are larger than {MAX_TRAILERS} bytes.")
    return len(body)


def _line(received: bytearray, number: int) -> Generator[Step, None, bytes]:
    """Take the next line, which is the ``number``th of its part of the request."""
    if number % LINES_PER_STEP == 0:
        yield None
    while (end := received.find(b"\r\n", 0, MAX_LINE)) < 0:
        if len(received) >= MAX_LINE:
            raise InvalidChunkSize(bytes(received[:MAX_LINE]))
        yield b""
    line = _take(received, end + 2)[:-2]
    if b"\r" in line or b"\n" in line:  # another parser might end the line there
        raise InvalidChunkSize(line)
    return line

"""The request parser, with pieces of any size."""

from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders, ParseException
from hypothesis import given
from hypothesis import strategies as st

from service.request_parser import (
    LINES_PER_STEP,
    MAX_EMPTY_LINES,
    MAX_FRAMING,
    MAX_HEAD,
    MAX_TRAILERS,
    ReceivedRequest,
    next_request,
)

POST = b"POST /reviews?a=b HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
REQUESTS = (
    b"GET /livez HTTP/1.1\r\n\r\n",
    POST + b"Content-Length: 5\r\n\r\nhello",
    POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n",
    POST + b"Content-Length: 0\r\nExpect: 100-continue\r\n\r\n",
)


def parse(pieces: list[bytes], received: bytearray) -> list[ReceivedRequest]:
    found = []
    request = next_request(received, bytearray(), Config(), ("127.0.0.1", 1))
    for piece in pieces:
        received += piece
        while received:
            try:
                if next(request) == b"":
                    break
            except StopIteration as end:
                found.append(end.value)
                request = next_request(received, bytearray(), Config(), ("127.0.0.1", 1))
    return found


@given(chosen=st.lists(st.sampled_from(REQUESTS), max_size=5), cuts=st.lists(st.integers(0, 600)))
def test_the_pieces_make_no_difference_to_the_requests(chosen: list[bytes], cuts: list[int]) -> None:
    sent = b"".join(chosen)
    edges = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    received = bytearray()
    found = parse([sent[start:end] for start, end in pairwise(edges)], received)
    assert [each.head.method for each in found] == [each.split(b" ")[0].decode() for each in chosen]
    assert [bytes(each.body) for each in found] == [b"hello" if b"hel" in each else b"" for each in chosen]
    assert all(each.is_complete and each.length == len(each.body) for each in found)
    assert not received


class CountedSearch(bytearray):
    """Counts the bytes that are searched."""

    searched = 0

    def find(self, what: bytes, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        end = len(self) if end is None else min(end, len(self))
        self.searched += end - start
        return super().find(what, start, end)


def test_a_head_that_arrives_byte_by_byte_is_searched_once() -> None:
    received = CountedSearch()
    head = b"GET / HTTP/1.1\r\n" + (b"X: " + b"x" * 8000 + b"\r\n") * 8 + b"\r\n"
    (request,) = parse([head[at : at + 1] for at in range(len(head))], received)
    assert len(request.head.headers) == 8
    assert received.searched < 5 * len(head)


def test_a_body_that_is_too_large_is_not_read() -> None:
    received = bytearray()
    (request,) = parse([POST + b"Content-Length: 1000001\r\n\r\nabc"], received)
    assert (request.length, bytes(request.body), request.is_complete) == (1_000_001, b"", False)


@pytest.mark.parametrize(
    "sent",
    [
        b"x" * (MAX_HEAD + 1),
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 256,
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x" * 256,
    ],
)
def test_a_line_without_end_is_refused(sent: bytes) -> None:
    with pytest.raises(ParseException):
        parse([sent], bytearray())


@pytest.mark.parametrize(
    ("begun", "line", "limit", "error"),
    [
        (b"0\r\n", b"a\r\n", MAX_TRAILERS, LimitRequestHeaders),
        (b"", b"1\r\na\r\n", 2 * MAX_FRAMING, InvalidChunkSize),
        (b"", b"1;" + b"x" * 200 + b"\r\na\r\n", 2 * MAX_FRAMING, InvalidChunkSize),
    ],
    ids=["trailers", "chunks", "extensions"],
)
def test_framing_without_end_is_refused(begun: bytes, line: bytes, limit: int, error: type[Exception]) -> None:
    received = bytearray(CHUNKED + begun + line * 50_000)
    sent = len(received)
    request = next_request(received, bytearray(), Config(), ("127.0.0.1", 1))
    with pytest.raises(error):
        all(step is None for step in request)  # until it waits for more
    assert sent - len(received) < limit + 1000


def test_many_small_chunks_are_read_in_steps() -> None:
    chunks = 20_000
    received = bytearray(CHUNKED + b"9\r\nsome text\r\n" * chunks + b"0\r\n\r\n")
    body = bytearray()
    request = next_request(received, body, Config(), ("127.0.0.1", 1))
    steps = [len(body)]
    for step in request:
        assert step is None
        steps.append(len(body))
    steps.append(len(body))
    assert body == b"some text" * chunks
    assert max(after - before for before, after in pairwise(steps)) <= 9 * LINES_PER_STEP


def test_empty_lines_before_a_request_are_dropped() -> None:
    sent = b"\r\n" * MAX_EMPTY_LINES + REQUESTS[0]
    for pieces in ([sent], [sent[at : at + 1] for at in range(len(sent))]):
        received = bytearray()
        (request,) = parse(pieces, received)
        assert (request.head.path, bytes(received)) == ("/livez", b"")


def test_empty_lines_without_end_are_refused() -> None:
    with pytest.raises(ParseException):
        parse([b"\r\n" * (MAX_EMPTY_LINES + 2) + REQUESTS[0]], bytearray())

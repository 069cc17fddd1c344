"""Text lines from bytes, none of them longer than MAX_LINE."""

import io
import re
from collections.abc import Iterator

# A longer line is refused. The longest description in the real data has 41 thousand characters.
MAX_LINE = 5_000_000
# Stands at the start of each file that some Windows programs write, so also in the middle of joined files.
MARK = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"(?:[ \t]*\r?\n|\xef\xbb\xbf)*")


class LineTooLong(str):
    """Stands in for a line over MAX_LINE, whose text was passed over."""


def bounded(stream: io.BufferedReader) -> Iterator[str]:
    """Lines with their line ends.

    Bytes that are not UTF-8 come as lone surrogates, so that the row they are in can be refused alone.
    """
    while line := stream.readline(MAX_LINE):
        if len(line) >= MAX_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield LineTooLong("\n")
        else:
            yield (line[len(MARK) :] if line.startswith(MARK) else line).decode("utf-8", "surrogateescape")


def skip_blank(stream: io.BufferedReader) -> int:
    """Read past blank lines and byte order marks; returns how many lines those were."""
    skipped = 0
    while ahead := stream.peek():
        found = _BLANK.match(ahead)
        # Of a long line of blanks nothing says yet whether it is blank to its end.
        end = found.end() if found and ahead.strip() else len(ahead)
        if not end:
            break
        skipped += stream.read(end).count(b"\n")
    return skipped

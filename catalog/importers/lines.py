"""Decodes lines, none longer than MAX_LINE."""

import io
import re
from collections.abc import Iterator

# Bytes. A longer line is rejected; the longest description in real data has 41 thousand characters.
MAX_LINE = 5_000_000
# Some Windows programs write it at the start of files, so it is also inside joined files.
MARK = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"(?:[ \t]*\r?\n|\xef\xbb\xbf)*")


class LineTooLong(str):
    """Replaces a line over MAX_LINE, whose text was skipped."""


def bounded(stream: io.BufferedReader) -> Iterator[str]:
    """Lines with their line ends.

    Bytes that are not UTF-8 become lone surrogates, so that only their own row is rejected.
    """
    while line := stream.readline(MAX_LINE):
        if len(line) >= MAX_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield LineTooLong("\n")
        else:
            yield (line[len(MARK) :] if line.startswith(MARK) else line).decode("utf-8", "surrogateescape")


def skip_blank(stream: io.BufferedReader) -> int:
    """Skip blank lines and byte order marks. Return the number of lines skipped."""
    skipped = 0
    while ahead := stream.peek():
        found = _BLANK.match(ahead)
        # A line that is blank so far may continue beyond what is buffered.
        end = found.end() if found and ahead.strip() else len(ahead)
        if not end:
            break
        skipped += stream.read(end).count(b"\n")
    return skipped

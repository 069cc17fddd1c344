"""Rows of JSON: one object per line, or an array of objects, which may be larger than memory."""

import codecs
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from catalog.importers import lines
from catalog.importers.formats import BrokenQuote, RawRow, RejectedRow, UnknownFormat, lenient
from catalog.importers.lines import LineTooLong

CHUNK = 1 << 16


def line_rows(first: int, texts: Iterator[str], parse: Callable[[str], Any]) -> Iterator[RawRow]:
    """One object per line; ``first`` is the first line number. A trailing comma is ignored."""
    for number, line in enumerate(texts, first):
        if isinstance(line, LineTooLong):
            yield RawRow(number, RejectedRow(f"longer than {lines.MAX_LINE} bytes"))
        elif text := line.strip():
            try:
                fields = parse(text[:-1] if text.endswith(",") else text)
            except RejectedRow as error:
                is_cut = text[0] == "{" and text[-1] != "}" and not line.endswith("\n")
                yield RawRow(number, BrokenQuote("the file ends inside an object") if is_cut else error)
            else:
                yield RawRow(number, fields if isinstance(fields, dict) else RejectedRow("not an object"))


def array_rows(first: int, stream: io.BufferedReader) -> Iterator[RawRow]:
    """The objects of a JSON array, with at most MAX_LINE characters in memory.

    Raises UnknownFormat with the line of a syntax error, because the start of the next object is unknown.
    """
    text = _Text(first, stream)
    text.skip()
    text.take(1)  # the bracket
    text.skip()
    if text.next() == "]":
        text.take(1)
    else:
        while True:
            number = text.line
            value = text.value()
            yield RawRow(number, value if isinstance(value, dict) else RejectedRow("not an object"))
            text.skip()
            separator = text.next()
            text.take(1)
            if separator == "]":
                break
            if separator != ",":
                raise UnknownFormat(f"line {text.line}: the array goes on without a comma, or is cut off")
            text.skip()
    text.skip()
    if text.next():
        raise UnknownFormat(f"line {text.line}: something follows the end of the array")


class _Text:
    """The part of the array that was read and not yet used, and the number of its first line."""

    def __init__(self, line: int, stream: io.BufferedReader) -> None:
        self.line = line
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text, self._position, self._ended = "", 0, False

    def next(self) -> str:
        """The next character, or an empty text at the end."""
        if self._position >= len(self._text):
            self._read(CHUNK)
        return self._text[self._position : self._position + 1]

    def take(self, count: int) -> None:
        self.line += self._text.count("\n", self._position, self._position + count)
        self._position += count

    def skip(self) -> None:
        """Skip white space and byte order marks."""
        while (character := self.next()) and character in " \t\r\n\ufeff":
            self.take(1)

    def value(self) -> Any:
        """Take the next value. While the value is incomplete, read twice as much each time."""
        wanted = CHUNK
        while True:
            try:
                value, end = lenient.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                if self._ended:
                    line = self.line + self._text.count("\n", self._position, error.pos)
                    raise UnknownFormat(f"line {line}: the array is cut off or no JSON ({error.msg})") from error
                if len(self._text) - self._position > lines.MAX_LINE:
                    longest = f"no JSON, or an object longer than {lines.MAX_LINE} characters"
                    raise UnknownFormat(f"line {self.line}: {longest} ({error.msg})") from error
                self._read(wanted)
                wanted *= 2
            except (ValueError, RecursionError) as error:
                raise UnknownFormat(f"line {self.line}: a number too long or objects too deep") from error
            else:
                if end == len(self._text) and not self._ended:  # a number may continue
                    self._read(wanted)
                    continue
                self.take(end - self._position)
                return value

    def _read(self, count: int) -> None:
        data = self._stream.read(count)
        self._ended = not data
        self._text = self._text[self._position :] + self._decoder.decode(data, final=not data)
        self._position = 0

"""Rows of CSV, parsed strictly. A quoting error loses its own row and no other."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence

from catalog.importers import lines, shapes
from catalog.importers.columns import folded
from catalog.importers.dialects import Dialect, Unescaper
from catalog.importers.formats import BrokenQuote, RawRow, RejectedRow, UnknownFormat
from catalog.importers.lines import LineTooLong
from catalog.importers.shapes import Columns

# Limit, in MAX_LINE characters per file, of lines that are read again because a row of the wrong width swallowed them:
# each could swallow the rest once more. After other errors the repeated lines open no quote.
MAX_READ_AGAIN = 4


class CsvRows:
    """Iterates over the rows after the header; ``first`` is the line number of ``texts``. Raises UnknownFormat.

    An unclosed quote swallows later lines. Its row is rejected at the first quoting error, after MAX_LINE characters or
    at the end of the file, and the swallowed lines are read again.
    """

    def __init__(
        self, first: int, texts: Iterator[str], dialect: Dialect, header: Sequence[str], columns: Columns
    ) -> None:
        csv.field_size_limit(lines.MAX_LINE)
        self._texts, self._dialect, self._header, self._columns = texts, dialect, list(header), columns
        self._names = columns.known | set(map(folded, header))
        self._number = first  # line number of the record
        self._record: list[str] = []  # lines of the current record
        self._again: deque[str] = deque()
        self._read_again = 0
        self._is_too_long = False

    def __iter__(self) -> Iterator[RawRow]:
        header, record = self._header, self._record
        starts = self._columns.spellings | {name.casefold() for name in header}
        reader = self._dialect.reader(self._fed())
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(error)
                reader = self._dialect.reader(self._fed())
                continue
            if row and row[0].casefold() in starts and self._is_header(row):
                header = self._header = row
            elif len(row) == len(header):
                yield RawRow(self._number, dict(zip(header, row, strict=True)))
            elif self._holds_rows(record[1:]):
                self._read_again += sum(map(len, record))
                if self._read_again > MAX_READ_AGAIN * lines.MAX_LINE:
                    raise UnknownFormat(f"line {self._number}: too many unclosed quotes to tell where rows begin")
                yield self._put_back(0)
                reader = self._dialect.reader(self._fed())
                continue
            elif row and (len(row) > 1 or row[0].strip()):
                too_long = any(isinstance(line, LineTooLong) for line in record)
                reason = f"longer than {lines.MAX_LINE} bytes" if too_long else _columns(len(row), len(header))
                yield RawRow(self._number, RejectedRow(reason))
            self._number += len(record)
            record.clear()

    def _is_header(self, row: list[str]) -> bool:
        """Whether the row is the header of another file that was joined to this one."""
        if sorted(row) == sorted(self._header):
            return True
        names = set(map(folded, row))
        return names <= self._names and len(names) == len(row) and not shapes.missing(row, self._columns)

    def _fed(self) -> Iterator[str]:
        """The lines for the csv module. Ends early if a record gets longer than MAX_LINE."""
        record, again = self._record, self._again
        unescape = Unescaper(self._dialect) if self._dialect.quoting == "backslash" else None
        length = 0
        while True:
            if again:
                line = again.popleft()
            else:
                following = next(self._texts, None)
                if following is None:
                    return
                line = following
            record.append(line)
            if len(record) == 1:
                length = 0
                if unescape:
                    unescape.inside = False
            length += len(line)
            if length > lines.MAX_LINE and len(record) > 1:
                self._is_too_long = True
                return
            if isinstance(line, LineTooLong) or "\0" in line:
                # The csv module would drop these. A lone surrogate is rejected later.
                line = "\udc00\n" if isinstance(line, LineTooLong) else line.replace("\0", "\udc00")
            yield unescape(line) if unescape else line

    def _broken(self, error: csv.Error) -> RawRow:
        """Reject the unreadable record. If it swallowed whole rows, put them back."""
        start, record = self._number, self._record
        too_long, self._is_too_long = self._is_too_long, False
        at_end = "unexpected end" in str(error)  # of the file, or of an overlong record
        opens = self._opening(record if at_end else record[:-1])
        if self._holds_rows(record[opens + 1 :]):
            return self._put_back(opens)
        is_escaped = self._dialect.quoting == "doubled" and any('\\"' in line for line in record)
        self._number += len(record)
        record.clear()
        if too_long:
            return RawRow(start, RejectedRow(f"longer than {lines.MAX_LINE} characters"))
        if at_end:
            reason = f"the file ends inside the quoted field that opens in line {start + opens}"
            return RawRow(start, BrokenQuote(reason, "the file ends inside a quoted field"))
        if "new-line" in str(error):
            reason = "a carriage return stands inside a row"
        elif is_escaped:
            reason = "a quote is escaped by a backslash, unlike those at the start of the file"
        else:
            reason = "a quote inside a field is not escaped"
        return RawRow(start, RejectedRow(reason))

    def _put_back(self, opens: int) -> RawRow:
        """Reject the record up to the line where its quote opens, and read the other lines again."""
        start, record = self._number, self._record
        after = record[opens + 1 :]
        self._again.extendleft(reversed(after))
        self._number += opens + 1
        record.clear()
        return RawRow(
            start, BrokenQuote(f"the quote that opens in line {start + opens} is not closed", "a quote is not closed")
        )

    def _opening(self, record: list[str]) -> int:
        """The index of the line that opens the unclosed field."""
        if len(record) < 2:
            return 0
        unescape = Unescaper(self._dialect)
        texts = map(unescape, record) if self._dialect.quoting == "backslash" else record
        loose = csv.reader(texts, delimiter=self._dialect.delimiter, skipinitialspace=self._dialect.spaced)
        open_field = next(loose)[-1]
        return max(len(record) - open_field.count("\n") - (not record[-1].endswith("\n")), 0)

    def _holds_rows(self, texts: list[str]) -> bool:
        """Whether any of the lines is a complete row."""
        return any(map(self._fits, texts))

    def _fits(self, line: str) -> bool:
        text = Unescaper(self._dialect)(line) if self._dialect.quoting == "backslash" else line
        try:
            return len(next(self._dialect.reader([text]), [])) == len(self._header)
        except csv.Error:
            return False


def _columns(found: int, expected: int) -> str:
    return f"{found} columns, and the header has {expected}"

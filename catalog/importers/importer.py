"""The base of both importers: reads rows, cleans them, collects batches, upserts and counts."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from django.db import IntegrityError, transaction

from catalog.importers import reading
from catalog.importers.cells import is_absent
from catalog.importers.columns import Layouts
from catalog.importers.files import UnreadableFile
from catalog.importers.formats import RawRow, RejectedRow, UnknownFormat
from catalog.importers.rejections import Location, Reasons, Rejection
from catalog.importers.shapes import Columns
from catalog.importers.upsert import Row, Table, encode, upsert
from service.one_ahead import one_ahead

BATCH_ROWS = 20_000
BATCH_CHARACTERS = 16_000_000
MAX_SHOWN = 40  # characters of a value that cannot be read
ATTEMPTS = 3  # to store a batch whose products are deleted meanwhile

T = TypeVar("T")


@dataclass
class Counts:
    """What became of the rows read: each is in exactly one of the next five.

    ``merged`` counts rows that were merged with another row of the same key in their batch, such as the variants of a
    product. ``unreadable`` counts, by field, the rows that are stored without a value that cannot be read.
    ``unused`` lists the columns that no field takes.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    rejected: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    unused: list[str] = field(default_factory=list, compare=False)


@dataclass
class Batch:
    """Rows that are stored together, and those that could not be used."""

    read: int = 0
    rows: list[tuple[Location, Row]] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    unreadable: list[tuple[Location, str, str]] = field(default_factory=list)
    merged: int = 0
    encoded: str | list[Row] = ""


@dataclass
class Importer(ABC):
    """Imports files into one table, batch by batch, each batch in its own transaction.

    ``reject`` is called with each row that cannot be used and each field that cannot be read, ``advance`` with the
    number of raw bytes read, and ``progress`` with the counts after each batch. With ``dry_run`` each batch is rolled
    back, so its counts ignore the batches before it.
    ``reasons`` counts why rows were rejected, ``first_unreadable`` has the first value and row of each field that could
    not be read, and ``formats`` what the files turned out to be.
    """

    table: ClassVar[Table]
    columns: ClassVar[Columns]

    format: str | None = None
    dry_run: bool = False
    reject: Callable[[Location, str], object] = lambda place, reason: None
    advance: Callable[[int], object] = lambda count: None
    progress: Callable[[Counts], object] = lambda counts: None
    counts: Counts = field(default_factory=Counts)
    reasons: Reasons = field(default_factory=Reasons)
    first_unreadable: dict[str, str] = field(default_factory=dict)
    formats: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.layouts = Layouts(self.columns.aliases)

    @abstractmethod
    def begin(self, fields: dict[str, Any]) -> None:
        """Check the first row of a file. Raises UnknownFormat if the file is for another importer."""

    @abstractmethod
    def clean(self, fields: dict[str, Any]) -> Row:
        """The row for the table. Adds fields that cannot be read, with their text, to ``unreadable``.

        Raises RejectedRow.
        """

    @abstractmethod
    def merge(self, old: Row, new: Row) -> Row:
        """The row to store for two rows with one key; ``new`` is the later one in the file."""

    def refusals(self, rows: list[Row]) -> dict[int, RejectedRow]:
        """The positions of rows that the database would refuse, with reasons. Runs in the batch's transaction."""
        return {}

    def forget(self) -> None:  # noqa: B027  not every importer has a cache
        """Clear caches of database content, which has changed."""

    def _said(self, name: str, raw: Any, read: Callable[[Any], T | None]) -> T | None:
        """What ``read`` finds in a cell, None if it is absent; noted as unreadable if it finds nothing."""
        found = None if is_absent(raw) else read(raw)
        if found is None and not is_absent(raw):
            self.unreadable[name] = repr(raw[:MAX_SHOWN]) if isinstance(raw, str) else ""
        return found

    def run(self, names: Iterable[str]) -> Counts:
        """Import the files in sequence. Raises UnreadableFile or UnknownFormat, which name the file."""
        for name in names:
            # Close the generator, and with it the file, even after an error.
            with closing(one_ahead(self._batches(name), "reader")) as batches:
                for batch in batches:
                    self._store(batch)
                    self.progress(self.counts)
        return self.counts

    def _batches(self, name: str) -> Generator[Batch, None, None]:
        with closing(reading.rows(name, self.columns, self.format, self.advance, self._tell)) as rows:
            yield from self._read(name, rows)

    def _tell(self, format: str) -> None:
        if format not in self.formats:
            self.formats.append(format)

    def _read(self, name: str, rows: Iterator[RawRow]) -> Iterator[Batch]:
        batch = Batch()
        characters = 0
        begun = False
        try:
            for line, fields in rows:
                if not (begun or isinstance(fields, RejectedRow)):
                    self._begin(name, fields)
                    begun = True
                batch.read += 1
                place = Location(name, line)
                try:
                    if isinstance(fields, RejectedRow):
                        raise fields
                    row = self.clean(fields)
                except RejectedRow as error:
                    batch.rejected.append(Rejection.of(place, error))
                else:
                    batch.rows.append((place, row))
                    if self.unreadable:
                        batch.unreadable += [(place, name, shown) for name, shown in self.unreadable.items()]
                    for value in row:
                        if isinstance(value, str):
                            characters += len(value)
                if self.unreadable:
                    self.unreadable.clear()
                if batch.read >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
                    yield self._ready(batch)
                    batch, characters = Batch(), 0
        except (UnreadableFile, UnknownFormat):
            if batch.read:  # the rows before the damage are fine
                yield self._ready(batch)
            raise
        if batch.read:
            yield self._ready(batch)

    def _begin(self, name: str, fields: dict[str, Any]) -> None:
        try:
            self.begin(fields)
        except UnknownFormat as error:
            raise UnknownFormat(f"{name}: {error}") from error

    def _ready(self, batch: Batch) -> Batch:
        unique: dict[Row, Row] = {}
        key = [self.table.columns.index(column) for column in self.table.key]
        for _, row in batch.rows:
            identity = tuple([row[position] for position in key])
            unique[identity] = self.merge(unique[identity], row) if identity in unique else row
        batch.merged = len(batch.rows) - len(unique)
        batch.encoded = encode(unique.values())
        return batch

    def _store(self, batch: Batch) -> None:
        for attempt in range(ATTEMPTS):
            try:
                created, updated = self._write(batch)
                break
            except IntegrityError:  # a product was deleted after it was looked up
                if attempt == ATTEMPTS - 1:
                    raise
                self.forget()
        self.counts.read += batch.read
        self.counts.unused = list(self.layouts.unused)
        self.counts.created += created
        self.counts.updated += updated
        self.counts.merged += batch.merged
        self.counts.unchanged += len(batch.rows) - batch.merged - created - updated
        self.counts.rejected += len(batch.rejected)
        for rejection in batch.rejected:
            self.reasons.add(rejection)
            self.reject(rejection.place, rejection.reason)
        for place, name, shown in batch.unreadable:
            self.counts.unreadable[name] += 1
            self.first_unreadable.setdefault(name, f"{shown} in {place}".lstrip())
            self.reject(place, f"{name}: unreadable {shown}".rstrip() + "; the rest of the row is stored")

    def _write(self, batch: Batch) -> tuple[int, int]:
        """Store the batch without refused rows. Return the numbers of created and updated rows."""
        with transaction.atomic():
            # By position, because all rows of a JSON array in one line have the same place.
            refused = self.refusals([row for _, row in batch.rows])
            if refused:
                batch.rejected += [Rejection.of(batch.rows[n][0], error) for n, error in refused.items()]
                batch.rows = [each for n, each in enumerate(batch.rows) if n not in refused]
                self._ready(batch)
            created, updated = upsert(self.table, batch.encoded) if batch.rows else (0, 0)
            transaction.set_rollback(self.dry_run)
        return created, updated

"""What both importers do: read, clean, gather into batches, upsert, count."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from django.db import transaction

from catalog.importers import files, formats
from catalog.importers.formats import RejectedRow
from catalog.importers.upsert import Row, Table, upsert

BATCH_ROWS = 20_000
BATCH_BYTES = 16_000_000


@dataclass
class Counts:
    """What became of the rows read: each is in exactly one of the other four.

    A row that loses to another of the same key, in its batch or in the database, counts as unchanged.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0


class Place(NamedTuple):
    """Where a row stands."""

    file: str
    line: int


@dataclass
class Importer(ABC):
    """Imports files into one table, batch by batch, each batch in a transaction of its own.

    ``reject`` is told of each row that cannot be used, ``advance`` of the raw bytes read and ``progress`` of the counts
    after each batch. With ``dry_run`` every batch is undone; its counts are those of that batch alone.
    """

    table: ClassVar[Table]

    format: str | None = None
    dry_run: bool = False
    reject: Callable[[Place, str], object] = lambda place, reason: None
    advance: Callable[[int], object] = lambda count: None
    progress: Callable[[Counts], object] = lambda counts: None
    counts: Counts = field(default_factory=Counts)

    @abstractmethod
    def clean(self, fields: dict[str, Any]) -> Row:
        """The row for the table. Raises RejectedRow."""

    @abstractmethod
    def merge(self, old: Row, new: Row) -> Row:
        """The row to keep of two with one key, ``new`` standing later in the file."""

    def admit(self, batch: list[tuple[Place, Row]]) -> list[tuple[Place, Row]]:
        """The rows of the batch that may go into the table, asked inside of its transaction."""
        return batch

    def run(self, names: Iterable[str]) -> Counts:
        """Import the files one after the other. Raises UnreadableFile or UnknownFormat, both naming the file."""
        for name in names:
            for batch in self._batches(name):
                self._store(batch)
                self.progress(self.counts)
        return self.counts

    def _batches(self, name: str) -> Iterator[list[tuple[Place, Row]]]:
        batch: list[tuple[Place, Row]] = []
        characters = 0
        try:
            for line, fields in formats.rows(files.lines(name, self.advance), self.format):
                self.counts.read += 1
                place = Place(name, line)
                try:
                    if isinstance(fields, RejectedRow):
                        raise fields
                    row = self.clean(fields)
                except RejectedRow as reason:
                    self._reject(place, str(reason))
                    continue
                batch.append((place, row))
                characters += sum(len(value) for value in row if isinstance(value, str))
                if len(batch) >= BATCH_ROWS or characters >= BATCH_BYTES:
                    yield batch
                    batch, characters = [], 0
        except formats.UnknownFormat as error:
            raise formats.UnknownFormat(f"{name}: {error}") from error
        if batch:
            yield batch

    def _store(self, batch: list[tuple[Place, Row]]) -> None:
        with transaction.atomic():
            batch = self.admit(batch)
            unique: dict[Row, Row] = {}
            key = [self.table.columns.index(column) for column in self.table.key]
            for _, row in batch:
                identity = tuple(row[position] for position in key)
                unique[identity] = self.merge(unique[identity], row) if identity in unique else row
            created, updated = upsert(self.table, list(unique.values())) if unique else (0, 0)
            transaction.set_rollback(self.dry_run)
        self.counts.created += created
        self.counts.updated += updated
        self.counts.unchanged += len(batch) - created - updated

    def _reject(self, place: Place, reason: str) -> None:
        self.counts.rejected += 1
        self.reject(place, reason)

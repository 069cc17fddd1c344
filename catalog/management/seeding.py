"""The base of the seed commands: options, progress, rejected rows and the closing line."""

import csv
import os
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from tqdm import tqdm

from catalog.importers import files
from catalog.importers.files import UnreadableFile
from catalog.importers.formats import FORMATS, UnknownFormat
from catalog.importers.importer import Counts, Importer
from catalog.importers.rejections import Location
from service.commands import unusable_database

SECONDS_BETWEEN_LINES = 5
REASONS = 3  # that an error message names
NEXT = "build_recommendations"  # a command of services that recommend


class SeedCommand(BaseCommand):
    """A command around one importer."""

    importer_class: type[Importer]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", metavar="FILE", help="plain, .gz, .bz2, .xz or .zip; - for standard input"
        )
        parser.add_argument("--format", choices=FORMATS, help="format of the files; detected by default")
        parser.add_argument("--rejects", metavar="FILE", help="CSV of what cannot be used: file, line, reason")
        parser.add_argument(
            "--strict", action="store_true", help="exit 1 if a row or a field cannot be used, or if there is none"
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing")

    def importer(self, **options: Any) -> Importer:
        return self.importer_class(**options)

    def handle(self, *args: Any, **options: Any) -> None:
        names: list[str] = options["files"]
        with Progress(names, self) as progress:
            importer = self.importer(
                format=options["format"],
                dry_run=options["dry_run"],
                advance=progress.advance,
                progress=progress.show,
            )
            try:
                with ExitStack() as stack:
                    if options["rejects"]:
                        importer.reject = stack.enter_context(Rejects(options["rejects"], names)).add
                    importer.run(names)
            except (UnreadableFile, UnknownFormat, UnwritableRejects) as error:
                raise CommandError(f"{error}{_so_far(importer)}") from error
            except KeyboardInterrupt:
                raise CommandError(
                    "interrupted; committed rows stay, and a second run imports the rest" + _so_far(importer)
                ) from None
            except Error as error:
                raise CommandError(f"{unusable_database(error)}{_so_far(importer)}") from error
        self._say(closing_line(importer))
        if importer.counts.unused:
            self._say(unused_line(importer.counts))
        self._judge(importer, strict=options["strict"])
        if (importer.counts.created or importer.counts.updated) and not importer.dry_run and NEXT in get_commands():
            self._say(f"run {NEXT} to bring the recommendations up to date")

    def _say(self, line: str) -> None:
        """Write to standard output, which may be ASCII only, closed, a full disk or a pipe without a reader."""
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        try:
            self.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding))
            self.stdout.flush()
        except (OSError, AttributeError) as error:  # AttributeError if it was closed from the start
            if sys.stdout is not None:
                # At exit the interpreter would try again to write the line.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise CommandError(f"standard output cannot be written; {line}") from error

    def _judge(self, importer: Importer, *, strict: bool) -> None:
        """Report what was rejected: as a CommandError if a file is damaged, if no row can be used, or if ``strict``."""
        counts, reasons = importer.counts, importer.reasons
        if damage := reasons.damage:
            others = f"; {_rejected(importer)}" if len(reasons.counts) > 1 else ""
            raise CommandError(f"{damage.place.file}: {damage.reason}; the rows that could be read are stored{others}")
        if counts.rejected and counts.rejected == counts.read:
            raise CommandError(f"no row can be used: {reasons.most_frequent(REASONS)}")
        if strict and not counts.read:
            raise CommandError("there are no rows")
        if strict and (counts.rejected or counts.unreadable):
            rejected = f"{counts.rejected} rows cannot be used: {reasons.most_frequent(REASONS)}"
            raise CommandError("; ".join([rejected] * bool(counts.rejected) + _unreadable(importer)))
        if counts.rejected:
            self._say(_rejected(importer))


def closing_line(importer: Importer) -> str:
    formats = f"; read as {', '.join(importer.formats)}" if importer.formats else ""
    nothing = "Nothing was written. Without --dry-run: " if importer.dry_run else ""
    return f"{nothing}{_counted(importer)}{formats}"


def _counted(importer: Importer) -> str:
    counts = importer.counts
    merged = [f"{counts.merged} merged with another row"] if counts.merged else []
    return ", ".join(
        [
            f"{counts.read} read, {counts.created} created, {counts.updated} updated",
            *merged,
            f"{counts.unchanged} unchanged, {counts.rejected} rejected",
            *_unreadable(importer),
        ]
    )


def _unreadable(importer: Importer) -> list[str]:
    """``price unreadable: 3 (first 'Free' in a.csv, line 7)`` for each field, the most frequent first."""
    frequent = importer.counts.unreadable.most_common()
    return [f"{name} unreadable: {count} (first {importer.first_unreadable[name]})" for name, count in frequent]


def unused_line(counts: Counts) -> str:
    """One line with the columns that no field uses."""
    names = ", ".join(counts.unused)
    return "columns not used: " + "".join(each if each.isprintable() else " " for each in names)


def _so_far(importer: Importer) -> str:
    """The end of an error message: the rows that were stored or rejected before the error."""
    if not importer.counts.read:
        return ""
    nothing = ", nothing written" if importer.dry_run else ""
    rejected = f"; {_rejected(importer)}" if importer.counts.rejected else ""
    return f" (before that: {_counted(importer)}{nothing}{rejected})"


def _rejected(importer: Importer) -> str:
    return f"rejected: {importer.reasons.most_frequent(REASONS)}"


class UnwritableRejects(Exception):
    """The file for rejected rows cannot be written. The message names it."""


class Rejects:
    """The CSV file of rows and fields that cannot be used."""

    def __init__(self, name: str, names: list[str]) -> None:
        self._name = name
        try:
            inputs = [Path("/dev/stdin" if each == "-" else each) for each in names]
            is_read = Path(name).exists() and any(Path(name).samefile(each) for each in inputs if each.exists())
        except OSError as error:
            raise self._unwritable(error) from error
        if is_read:
            raise UnwritableRejects(f"--rejects: {name} is one of the files to read, and would be overwritten")

    def __enter__(self) -> "Rejects":
        try:
            # Names of files may contain bytes that are not UTF-8.
            self._file = Path(self._name).open("w", newline="", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise self._unwritable(error) from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(["file", "line", "reason"])
        return self

    def add(self, place: Location, reason: str) -> None:
        try:
            self._writer.writerow([place.file, place.line, reason])
        except OSError as error:
            raise self._unwritable(error) from error

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            if kind is None:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UnwritableRejects:
        return UnwritableRejects(f"--rejects: {self._name}: {error.strerror or error}")


class Progress:
    """A progress bar on a terminal, else a line every few seconds."""

    def __init__(self, names: list[str], command: BaseCommand) -> None:
        self._command = command
        self._spoke = time.monotonic()
        # sys.stderr is None if standard error is closed.
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = tqdm(total=files.size(names), unit="B", unit_scale=True, disable=not on_terminal)
        self._plain = sys.stderr is not None and not on_terminal

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def advance(self, count: int) -> None:
        self._bar.update(count)

    def show(self, counts: Counts) -> None:
        now = time.monotonic()
        if self._plain and now - self._spoke >= SECONDS_BETWEEN_LINES:
            self._spoke = now
            with suppress(OSError):
                self._command.stderr.write(f"{counts.read} rows so far", ending="\n")

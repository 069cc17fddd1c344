"""What the seed commands share: flags, progress, rejected rows and the closing line."""

import csv
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from tqdm import tqdm

from catalog.importers import files, formats
from catalog.importers.importer import Counts, Importer, Place
from service.commands import unusable_database

SECONDS_BETWEEN_LINES = 5


class SeedCommand(BaseCommand):
    """A thin command around one importer."""

    importer_class: type[Importer]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="plain, .gz or .zip; - for standard input")
        parser.add_argument(
            "--format", choices=formats.FORMATS, help="what the files hold; told by looking if not given"
        )
        parser.add_argument("--rejects", metavar="FILE", help="CSV of the rows that cannot be used: file, line, reason")
        parser.add_argument("--strict", action="store_true", help="exit 1 where a row cannot be used")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")

    def importer(self, **options: Any) -> Importer:
        return self.importer_class(**options)

    def handle(self, *args: Any, **options: Any) -> None:
        names: list[str] = options["files"]
        with ExitStack() as stack:
            try:
                progress = stack.enter_context(Progress(names, self))
                importer = self.importer(
                    format=options["format"],
                    dry_run=options["dry_run"],
                    advance=progress.advance,
                    progress=progress.show,
                )
                if options["rejects"]:
                    self._keep_apart(options["rejects"], names)
                    rejects = csv.writer(stack.enter_context(open(options["rejects"], "w", newline="")))  # noqa: PTH123
                    rejects.writerow(["file", "line", "reason"])

                    def reject(place: Place, reason: str) -> None:
                        rejects.writerow([place.file, place.line, reason])

                    importer.reject = reject
                counts = importer.run(names)
            except (files.UnreadableFile, formats.UnknownFormat) as error:
                raise CommandError(str(error)) from error
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}") from error
            except KeyboardInterrupt:
                raise CommandError(
                    "interrupted; what was committed stays, and running it again brings the rest"
                ) from None
            except Error as error:
                raise unusable_database(error) from error
        self.stdout.write(("Nothing was written. " if options["dry_run"] else "") + closing_line(counts))
        if unused := unused_line(counts):
            self.stdout.write(unused)
        if options["strict"] and counts.rejected:
            raise CommandError(f"{counts.rejected} rows cannot be used")

    @staticmethod
    def _keep_apart(rejects: str, names: list[str]) -> None:
        if Path(rejects).exists() and any(Path(rejects).samefile(name) for name in names if Path(name).exists()):
            raise CommandError(f"--rejects: {rejects} is one of the files to read, and would be overwritten")


def closing_line(counts: Counts) -> str:
    return (
        f"{counts.read} read, {counts.created} created, {counts.updated} updated, "
        f"{counts.unchanged} unchanged, {counts.rejected} rejected"
        + "".join(f", {name} unreadable: {count}" for name, count in counts.unreadable.most_common())
    )


def unused_line(counts: Counts) -> str:
    """Names the columns that no field takes, in one line; empty if there are none."""
    names = ", ".join(counts.unused)
    return "columns not used: " + "".join(each if each.isprintable() else " " for each in names) if names else ""


class Progress:
    """A bar over the bytes of all files on a terminal, else a plain line every few seconds."""

    def __init__(self, names: list[str], command: BaseCommand) -> None:
        self._command = command
        self._spoke = time.monotonic()
        on_terminal = sys.stderr.isatty()
        self._bar = tqdm(total=files.size(names), unit="B", unit_scale=True, disable=not on_terminal)
        self._plain = not on_terminal

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
            self._command.stderr.write(f"{counts.read} rows so far", ending="\n")

"""Make a build of the recommendations beside the active one, then switch to it."""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from recommendations import builder, builds
from recommendations.engines import Engine, EngineError, Stages, export, local


class _Bars:
    """A progress bar for each stage, on a terminal only."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> "_Bars":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, name: str, length: int | None) -> None:
        self.__exit__()
        self._bar = tqdm(desc=name, total=length, unit="row", unit_scale=True, disable=not sys.stderr.isatty())

    def advance(self, rows: int) -> None:
        if self._bar is not None:
            self._bar.update(rows)


class Command(BaseCommand):
    help = "Compute similar and popular products, store them as a new build, and make it the active one."
    requires_system_checks = []  # they import every view, which adds half to the memory

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-changed", action="store_true", help="do nothing if no product or review is new")
        parser.add_argument(
            "--engine", choices=["local", "spark"], default="local", help="local: on this machine; spark: with PySpark"
        )
        parser.add_argument(
            "--parquet",
            type=Path,
            metavar="FOLDER",
            help="let Spark read the files of export_catalogue, not the database",
        )
        parser.add_argument("--rollback", action="store_true", help="make the build before the active one active again")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["rollback"]:
                with builds.exclusive():
                    self.stdout.write(f"{builds.roll_back()} is active again".capitalize())
            else:
                self._build(options["if_changed"], *self._engine(options["engine"], options["parquet"]))
        except builds.BuildRunning:
            raise CommandError("another build is running") from None
        except builds.NoBuild:
            raise CommandError("there is no build before the active one") from None
        except KeyboardInterrupt:
            raise CommandError("interrupted; the active build is unchanged") from None
        except (EngineError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _engine(self, name: str, parquet: Path | None) -> tuple[Engine, Callable[[], dict[str, Any]]]:
        if name == "local":
            if parquet:
                raise CommandError("--parquet is for --engine spark")
            return local.compute, builds.source
        try:
            from recommendations.engines import spark
        except ImportError as error:
            raise CommandError(f"--engine spark: {error}; pip install -r requirements-spark.txt") from None
        return partial(spark.compute, parquet=parquet), partial(export.source, parquet) if parquet else builds.source

    def _build(self, if_changed: bool, engine: Engine, source: Callable[[], dict[str, Any]]) -> None:
        started = time.perf_counter()
        with _Bars() as bars:
            made = builder.build(engine, source, if_changed=if_changed, stages=Stages(bars.begin, bars.advance))
        if made is None:
            self.stdout.write("No product or review is new: the active build stays")
            return
        counts = made.figures
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in counts["seconds"].items())
        self.stdout.write(
            f"Build {made.pk}: {counts['products']} products, {counts['reviews']} reviews, "
            f"{counts['neighbours']} neighbours, {time.perf_counter() - started:.1f} s ({stages})"
        )

"""Write the file that answers reads while the database is down."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from recommender_site import standby_file
from service.commands import unusable_database


class Command(BaseCommand):
    help = "Write products, reviews and recommendations into the SQLite file of STANDBY_URL, and put it into use."
    requires_system_checks = []  # they import every view, which adds half to the memory

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reviews-per-product",
            type=int,
            default=100,
            metavar="N",
            help="how many of the newest and of the most helpful reviews of a product keep their texts (default: 100)",
        )
        parser.add_argument(
            "--every", type=float, metavar="SECONDS", help="stay, and do so again after so many seconds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file = self._file()
        for name in ("reviews_per_product", "every"):
            if options[name] is not None and options[name] < 1:
                raise CommandError(f"--{name.replace('_', '-')}: must be 1 or more")
        try:
            while True:
                try:
                    self._refresh(file, options["reviews_per_product"])
                except CommandError as error:
                    if options["every"] is None:
                        raise
                    self.stderr.write(str(error))
                if options["every"] is None:
                    return
                time.sleep(options["every"])
        except KeyboardInterrupt:
            raise CommandError("interrupted; the file in use is unchanged") from None

    def _file(self) -> Path:
        database = settings.DATABASES.get("standby")
        if database is None or not database["ENGINE"].endswith("sqlite3"):
            raise CommandError("STANDBY_URL: must be sqlite:///path; a replica refreshes itself")
        return Path(database["NAME"]).resolve()

    def _refresh(self, file: Path, reviews_per_product: int) -> None:
        try:
            done = standby_file.refresh(file, reviews_per_product=reviews_per_product)
        except standby_file.RefreshRunning:
            raise CommandError("another refresh is running") from None
        except Error as error:
            raise unusable_database(error) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        size = f"{done.size / 1e6:.1f} MB"
        self.stdout.write(f"{done.products} products, {done.reviews} reviews, {size}, {done.seconds:.1f} s")

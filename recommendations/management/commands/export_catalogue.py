"""Export products and reviews as files for a cluster."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from recommendations.engines import export


class Command(BaseCommand):
    help = "Write products and reviews as Parquet, for build_recommendations --engine spark --parquet FOLDER."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="created if it is missing; existing files in it are replaced")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with tqdm(unit="row", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
                export.to_parquet(options["folder"], bar.update)
        except ImportError as error:
            raise CommandError(f"{error}; pip install -r requirements-spark.txt") from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        self.stdout.write(f"Exported to {options['folder']}")

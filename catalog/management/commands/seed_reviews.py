"""Imports reviews from files. A second run changes nothing."""

from typing import Any

from django.core.management.base import CommandParser

from catalog.importers.importer import Importer
from catalog.importers.reviews import ReviewImporter
from catalog.management.seeding import SeedCommand


class Command(SeedCommand):
    help = "Import reviews from CSV, JSON lines or lines of Python literals. Import the products first."
    importer_class = ReviewImporter

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--create-products",
            action="store_true",
            help="create a product for an unknown asin instead of rejecting the review",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.create_products = options["create_products"]
        super().handle(*args, **options)

    def importer(self, **options: Any) -> Importer:
        return super().importer(create_products=self.create_products, **options)

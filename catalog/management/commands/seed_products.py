"""Imports products from files. A second run changes nothing."""

from catalog.importers import availability, prices
from catalog.importers.products import ProductImporter
from catalog.management.seeding import SeedCommand


class Command(SeedCommand):
    help = f"Import products from CSV, JSON lines or lines of Python literals. {prices.RULE} {availability.RULE}"
    importer_class = ProductImporter

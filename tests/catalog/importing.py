"""Imports of files made from text or rows."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from catalog.importers.importer import Counts
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.models import Product, Review


def import_products(folder: Path, *texts: str, **options: Any) -> Counts:
    return ProductImporter(**options).run(_files(folder, texts))


def import_reviews(folder: Path, *texts: str, **options: Any) -> Counts:
    return ReviewImporter(**options).run(_files(folder, texts))


def product_of(folder: Path, fields: dict[str, Any]) -> Product:
    """The product that an import of one row creates."""
    counts = import_products(folder, as_lines([{"asin": "P1"} | fields]))
    assert counts.created == 1
    return Product.objects.get()


def review_of_row(folder: Path, fields: dict[str, Any]) -> Review:
    """The review that an import of one row creates."""
    counts = import_reviews(folder, as_lines([fields]), create_products=True)
    assert counts.created == 1
    return Review.objects.get()


def reasons(folder: Path, importer: type[ProductImporter | ReviewImporter], *texts: str) -> list[str]:
    """Why rows of these files are rejected."""
    told: list[str] = []
    importer(reject=lambda place, why: told.append(why)).run(_files(folder, texts))
    return told


def as_lines(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def review(**fields: Any) -> str:
    return as_lines([{"reviewerID": "R1", "asin": "P1", "overall": 5, "unixReviewTime": 1000} | fields])


def _files(folder: Path, texts: tuple[str, ...]) -> list[str]:
    names = []
    for number, text in enumerate(texts):
        file = folder / f"{number}.txt"
        file.write_text(text)
        names.append(str(file))
    return names

"""The reviews of an evaluation: from the database, files in the formats of the seed commands, or plain sequences."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from catalog.importers import files, lines, reading
from catalog.importers.aliases import PRODUCTS, REVIEWS
from catalog.importers.formats import RawRow, RejectedRow, UnknownFormat
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.importers.shapes import Columns
from catalog.models import Product, Review, is_published, leaf_category
from catalog.wire import REVIEWER_ID
from recommendations.similarity import product_text

DAY = 86_400
COLUMNS = Columns(
    aliases={**PRODUCTS, **REVIEWS, "asin": PRODUCTS["asin"] + REVIEWS["asin"]},
    required={"the product": ("asin", "id")},
)


@dataclass
class Dataset:
    """Reviewers and their reviews in the order of the data: product numbers, and days since 1970.

    A day is None if the data has no times. Only the first review of a product by a reviewer counts.
    """

    products: dict[str, int] = field(default_factory=dict)  # asin to number
    texts: dict[int, str] = field(default_factory=dict)
    labels: dict[int, tuple[str, str]] = field(default_factory=dict)  # leaf category and title
    reviews: dict[str, dict[int, int | None]] = field(default_factory=dict)  # reviewer to product to day
    skipped: int = 0  # invalid rows of files
    repeated: int = 0  # further reviews of a product by the same reviewer

    def product(self, asin: str) -> int:
        return self.products.setdefault(asin, len(self.products))

    def add_review(self, reviewer: str, asin: str, day: int | None) -> None:
        reviewed = self.reviews.setdefault(reviewer, {})
        product = self.product(asin)
        self.repeated += product in reviewed
        reviewed.setdefault(product, day)

    def add_product(
        self, asin: str, title: str | None, brand: str | None, categories: list[str], description: str | None
    ) -> None:
        number = self.product(asin)
        self.texts[number] = product_text(title, brand, categories, description)
        self.labels[number] = leaf_category(categories), title or ""


def from_database() -> Dataset:
    """Read all products and reviews, streamed."""
    data = Dataset()
    columns = ("asin", "title", "brand", "categories", "description")
    for asin, *words in Product.objects.order_by("id").values_list(*columns).iterator(2000):
        data.add_product(asin, *words)
    published = Review.objects.filter(is_published).order_by("id")
    reviews = published.values_list("reviewer_id", "product_id", "unix_review_time")
    for reviewer, asin, time in reviews.iterator(20_000):
        data.add_review(reviewer, str(asin), time // DAY)
    return data


def from_files(names: Sequence[str]) -> Dataset:
    """Read files of products and reviews in any order. Skip invalid rows.

    Raises UnreadableFile or UnknownFormat, which name the file.
    """
    data = Dataset()
    for name in names:
        with files.opened(name) as stream:
            lines.skip_blank(stream)
            first = stream.peek().split(b"\n")[0].decode(errors="replace")
            try:
                if _is_sequence(first):
                    _read_sequences(lines.bounded(stream), data)
                else:
                    _read_rows(reading.rows_of(stream, COLUMNS), data)
            except UnknownFormat as error:
                raise UnknownFormat(f"{name}: {error}") from error
    return data


def _is_sequence(line: str) -> bool:
    """Whether this is the format ``user item item …`` of the literature, and not CSV, TSV or JSON."""
    return len(line.split()) > 1 and not {"{", ",", '"', "\t"} & set(line)


def _read_sequences(texts: Iterator[str], data: Dataset) -> None:
    for line in texts:
        reviewer, *asins = line.split() or [""]
        for asin in asins:
            data.add_review(reviewer, asin, None)


def _read_rows(rows: Iterator[RawRow], data: Dataset) -> None:
    reviews, products = ReviewImporter(), ProductImporter()
    for _, fields in rows:
        if isinstance(fields, RejectedRow):
            data.skipped += 1
            continue
        try:
            if fields.get(REVIEWER_ID) or fields.get("user_id"):
                reviewer, asin, *_, time = reviews.clean(fields)
                data.add_review(str(reviewer), str(asin), int(str(time)) // DAY)
            else:
                row = dict(zip(products.table.columns, products.clean(fields), strict=True))
                categories = json.loads(row["categories"] or "[]")
                data.add_product(row["asin"], row["title"], row["brand"], categories, row["description"])
        except RejectedRow:
            data.skipped += 1

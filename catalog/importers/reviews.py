"""Imports the reviews of 2014, 2018 and 2023, CSV files made from them, amazon_us_reviews, and plain ratings."""

from dataclasses import dataclass, field
from typing import Any

from catalog import rules, wire
from catalog.importers import aliases, values
from catalog.importers.availability import said_yes
from catalog.importers.formats import RejectedRow, UnknownFormat
from catalog.importers.importer import Importer
from catalog.importers.products import ProductImporter
from catalog.importers.shapes import Columns
from catalog.importers.upsert import Row, Table, encode, upsert
from catalog.models import Product

KNOWN_ASINS = 200_000  # in the cache, before it is cleared


@dataclass
class ReviewImporter(Importer):
    """Imports reviews. Of two by one reviewer of one product the newer one is stored, on a tie the later row.

    If it has no text or no votes, or does not say whether it is verified, what the older one has stays. A review of an
    unknown product is rejected, or with ``create_products`` creates a product that has only its asin.
    """

    create_products: bool = False
    known: set[str] = field(default_factory=set)

    columns = Columns(
        aliases.REVIEWS, {"the product": ("asin",), "the reviewer": ("reviewer",), "the stars": ("stars",)}
    )
    table = Table(
        name="catalog_review",
        columns=(
            "reviewer_id",
            "asin",
            "reviewer_name",
            "helpful_votes",
            "total_votes",
            "review_text",
            "overall",
            "summary",
            "verified",
            "unix_review_time",
        ),
        key=("reviewer_id", "asin"),
        empty={"reviewer_name": "''", "total_votes": "0", "review_text": "''", "summary": "''"},
        given_or={"verified": "FALSE"},
        follows={"helpful_votes": "total_votes"},
        newest="unix_review_time",
    )

    def begin(self, fields: dict[str, Any]) -> None:
        if aliases.is_of_products(self.layouts.of(fields).names):
            raise UnknownFormat(aliases.IS_PRODUCTS)

    def clean(self, fields: dict[str, Any]) -> Row:
        reviewer, asin, name, votes, all_votes, text, stars, summary, time, day, verified = self.layouts.read(fields)
        helpful, total = values.votes(votes, all_votes)
        return (
            values.reviewer(reviewer),
            values.asin(asin),
            values.text(name, wire.REVIEWER_NAME, rules.MAX_NAME),
            helpful,
            total,
            values.text(text, wire.REVIEW_TEXT, rules.MAX_TEXT),
            values.stars(stars),
            values.text(summary, "summary", rules.MAX_TITLE),
            verified if verified.__class__ is bool else self._said("verified", verified, said_yes),
            values.seconds(time, day),
        )

    def merge(self, old: Row, new: Row) -> Row:
        if new[-1] < old[-1]:
            return old
        reviewer, asin, name, helpful, total, text, stars, summary, verified, time = new
        votes = (helpful, total) if total else old[3:5]
        said = old[8] if verified is None else verified
        return (reviewer, asin, name or old[2], *votes, text or old[5], stars, summary or old[7], said, time)

    def refusals(self, rows: list[Row]) -> dict[int, RejectedRow]:
        if len(self.known) > KNOWN_ASINS:
            self.known.clear()
        unknown = {row[1] for row in rows} - self.known
        found = set(Product.objects.filter(asin__in=unknown).values_list("asin", flat=True)) if unknown else set()
        self.known |= found
        unknown -= found
        if unknown and self.create_products:
            nothing = (None,) * (len(ProductImporter.table.columns) - 1)
            upsert(ProductImporter.table, encode((asin, *nothing) for asin in sorted(unknown)))
            if not self.dry_run:
                self.known |= unknown
            return {}
        return {position: _no_product(row[1]) for position, row in enumerate(rows) if row[1] in unknown}

    def forget(self) -> None:
        self.known.clear()


def _no_product(asin: str) -> RejectedRow:
    return RejectedRow(
        f"asin: there is no product {asin}",
        "asin: there is no such product; import products first, or use --create-products",
    )

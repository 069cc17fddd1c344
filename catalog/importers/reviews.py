"""Reviews of 2014, 2018 and 2023, and the CSV shapes made of them."""

from dataclasses import dataclass, field
from typing import Any

from catalog.importers import values
from catalog.importers.formats import RejectedRow
from catalog.importers.importer import Importer
from catalog.importers.products import ProductImporter
from catalog.importers.rejections import Place
from catalog.importers.shapes import named
from catalog.importers.upsert import Row, Table, encode, upsert
from catalog.models import Product

# So many asins are remembered as known before the memory is emptied.
KNOWN_ASINS = 200_000


@dataclass
class ReviewImporter(Importer):
    """Of two reviews of one product by one reviewer the newest is kept; of two of the same second the later row.

    A review of an unknown product is rejected, or with ``create_products`` makes a product that has only its asin.
    """

    create_products: bool = False
    known: set[str] = field(default_factory=set)

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
            "unix_review_time",
        ),
        key=("reviewer_id", "asin"),
        newest="unix_review_time",
    )
    columns = named(
        "reviewername, helpful, vote, helpful_vote, helpful_votes, total_votes, reviewtext, text, review_body, "
        "summary, title, review_headline, unixreviewtime, timestamp, reviewtime, review_date",
        the_product="asin, parent_asin, product_id",
        the_reviewer="reviewerid, user_id, customer_id",
        the_stars="overall, rating, star_rating",
    )

    def clean(self, fields: dict[str, Any]) -> Row:
        get = fields.get
        reviewer = values.text(get("reviewerID") or get("user_id"), "reviewerID", 64)
        if not reviewer:
            raise RejectedRow("reviewerID: missing")
        helpful, total = values.votes(get("helpful") or get("vote") or get("helpful_vote"))
        rating = get("overall")
        time = get("unixReviewTime")
        return (
            reviewer,
            values.asin(get("asin") if not get("parent_asin") else get("parent_asin")),
            values.text(get("reviewerName"), "reviewerName", 200),
            helpful,
            total,
            values.text(get("reviewText") or get("text"), "reviewText", 100_000),
            values.stars(get("rating") if rating is None else rating),
            values.text(get("summary") or get("title"), "summary", 1000),
            values.seconds(get("timestamp") if time is None else time, get("reviewTime")),
        )

    def merge(self, old: Row, new: Row) -> Row:
        return new if new[-1] >= old[-1] else old

    def refusals(self, rows: list[tuple[Place, Row]]) -> list[tuple[Place, RejectedRow]]:
        if len(self.known) > KNOWN_ASINS:
            self.known.clear()
        unknown = {row[1] for _, row in rows} - self.known
        found = set(Product.objects.filter(asin__in=unknown).values_list("asin", flat=True)) if unknown else set()
        self.known |= found
        unknown -= found
        if unknown and self.create_products:
            nothing = (None,) * (len(ProductImporter.table.columns) - 1)
            upsert(ProductImporter.table, encode((asin, *nothing) for asin in sorted(unknown)))
            if not self.dry_run:
                self.known |= unknown
            return []
        return [(place, _no_product(row[1])) for place, row in rows if row[1] in unknown]

    def forget(self) -> None:
        self.known.clear()


def _no_product(asin: str) -> RejectedRow:
    return RejectedRow(f"asin: there is no product {asin}", "asin: there is no such product")

"""Products and reviews as the services serve them: immutable rows, which cannot be saved by mistake."""

from decimal import Decimal
from typing import NamedTuple

from catalog.models import ReviewState, day_of


class ProductRow(NamedTuple):
    """A product. ``related``, ``sales_rank`` and ``categories`` are JSON text, which answers pass on as it is."""

    asin: str
    title: str = ""
    description: str = ""
    im_url: str = ""
    related: str = "{}"
    sales_rank: str = "{}"
    categories: str = "[]"
    brand: str = ""
    price: Decimal | float | None = None
    is_listed: bool = True
    in_stock: bool = True
    review_count: int = 0
    rating_total: int = 0
    id: int = 0

    @property
    def rating(self) -> float | None:
        """The average number of stars; None without reviews."""
        return round(self.rating_total / self.review_count, 2) if self.review_count else None

    @property
    def is_available(self) -> bool:
        """Whether recommendations and ads may show it."""
        return self.is_listed and self.in_stock


class ReviewRow(NamedTuple):
    """A review. ``product_id`` is the product's asin. Only a stand-in has no rating and no time."""

    id: int
    reviewer_id: str
    product_id: str
    reviewer_name: str
    helpful_votes: int
    total_votes: int
    review_text: str
    overall: int | None
    summary: str
    unix_review_time: int | None
    verified: bool = False
    reply: str = ""
    state: str = ReviewState.PUBLISHED.value

    @property
    def review_time(self) -> str:
        return "" if self.unix_review_time is None else day_of(self.unix_review_time)

    @property
    def is_published(self) -> bool:
        return self.state == ReviewState.PUBLISHED

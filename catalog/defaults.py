"""What readers get when neither the database nor an earlier answer is at hand.

Nothing here can be mistaken for the real thing, and no figure is invented: a default product says that its details are
unavailable, there are no default reviews, and the default ads promote the shop itself.
"""

from catalog.models import Product, Review
from catalog.rows import Page

UNKNOWN_ASIN = "UNAVAILABLE"

HOUSE_ADS = [
    ("HOUSE-ALL", "See everything in the shop", "The whole catalogue, page by page."),
    ("HOUSE-REVIEWS", "Read what other customers say", "Reviews by people who bought it."),
    ("HOUSE-WRITE", "Tell others what you think", "Review what you bought, good or bad."),
    ("HOUSE-DESK", "Everything for the desk", "Pens, paper, trays and lamps."),
    ("HOUSE-PRINT", "Ink, toner and paper", "For the printer that is always empty."),
    ("HOUSE-FILE", "Get the papers in order", "Folders, binders and labels."),
    ("HOUSE-SHIP", "Pack it and post it", "Envelopes, boxes and tape."),
    ("HOUSE-MEET", "Ready for the meeting", "Boards, markers and pointers."),
    ("HOUSE-HOME", "Working from home", "Chairs, stands and good light."),
    ("HOUSE-SCHOOL", "Back to school", "Notebooks, rulers and glue."),
]


def product(*, asin: str) -> Product:
    """A stand-in that carries the asin that was asked for."""
    return Product(asin=asin, title="Product details are temporarily unavailable")


def products(*, skip: int, limit: int, after: int | None = None) -> Page[Product]:
    """One stand-in for the first page, nothing beyond it."""
    return Page([] if skip or after else [product(asin=UNKNOWN_ASIN)], next_after=None)


def reviews(**question: object) -> Page[Review]:
    """None: a review without a rating is no review, and a rating must not be made up."""
    return Page([], next_after=None)


def ads(*, limit: int) -> list[Product]:
    """House ads, at most ten."""
    return [Product(asin=asin, title=title, description=text) for asin, title, text in HOUSE_ADS[:limit]]

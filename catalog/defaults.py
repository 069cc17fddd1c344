"""Default answers for readers, used if the database is down and the stale cache has no answer.

They cannot be mistaken for real data and invent no figures. A default product says that its details are unavailable. A
default review says that it is unavailable and has no rating; lists have no default reviews. The default ads promote the
shop itself.
"""

from catalog.orders import Key
from catalog.rows import Page
from catalog.served import ProductRow, ReviewRow

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


def product(*, asin: str) -> ProductRow:
    """A stand-in with the requested asin."""
    return ProductRow(asin, "Product details are temporarily unavailable")


def products(*, skip: int, limit: int, after: Key | None = None, **search: object) -> Page[ProductRow]:
    """One stand-in on the first page, nothing on later ones."""
    return Page([] if skip or after else [product(asin=UNKNOWN_ASIN)], next_after=None)


def no_products(**key: object) -> Page[ProductRow]:
    """No products."""
    return Page([], next_after=None)


def reviews(**key: object) -> Page[ReviewRow]:
    """No reviews: each would need a rating, and a rating must not be made up."""
    return Page([], next_after=None)


def review(*, number: int, **key: object) -> ReviewRow:
    """A stand-in with the requested id, without a rating and a time."""
    return ReviewRow(number, "", UNKNOWN_ASIN, "", 0, 0, "", None, "This review is temporarily unavailable", None)


def ads(*, limit: int) -> list[ProductRow]:
    """Up to ten house ads."""
    return [ProductRow(*ad) for ad in HOUSE_ADS[:limit]]

"""The column names of each field in the known shapes of files.

If a file has several of them, the first name listed here wins, and the others are used where its cell is absent.
"""

from collections.abc import Mapping

from catalog import wire
from catalog.importers.columns import folded

Aliases = Mapping[str, tuple[str, ...]]

# The metadata of 2014, 2018 and 2023, the CSV of Musical Instruments, Shopify's product CSV, and Google Merchant feeds.
PRODUCTS: Aliases = {
    "asin": ("asin", "parent_asin", "Product ID", "Handle"),
    "id": ("id",),  # the asin of a file without such a column
    "title": ("title", "name"),
    "description": ("description", "Body (HTML)"),
    "picture": (
        wire.IM_URL,
        "imageURLHighRes",
        "imageURL",
        "images",
        "image",
        "Image Src",
        "Variant Image",
        "image_link",
    ),
    "related": ("related",),
    "also_bought": ("also_buy",),
    "also_viewed": ("also_view",),
    "bought_together": ("bought_together",),
    "ranks": (wire.SALES_RANK, "rank"),
    "categories": ("categories", "category", "Product Category", "product_type"),
    "main_category": ("main_category", "main_cat", "Type"),
    "features": ("features", "feature"),
    "brand": ("brand", "store", "Vendor"),
    "price": ("price", "Variant Price"),
    "listed": (wire.IS_LISTED, "is_listed", "Published"),
    "status": ("Status",),
    "stock": ("in_stock", "availability", "is_in_stock", "stock_status"),
    "inventory": ("Variant Inventory Qty",),
    "tracker": ("Variant Inventory Tracker",),
    "policy": ("Variant Inventory Policy",),
}

# The reviews of 2014, 2018 and 2023, amazon_us_reviews, and plain ratings: user, item, rating, timestamp.
REVIEWS: Aliases = {
    "reviewer": (wire.REVIEWER_ID, "user_id", "customer_id", "user"),
    "asin": ("parent_asin", "asin", "product_id", "item"),
    "name": (wire.REVIEWER_NAME,),
    "votes": ("helpful", "vote", "helpful_vote", "helpful_votes"),
    "all_votes": ("total_votes",),
    "text": (wire.REVIEW_TEXT, "text", "review_body"),
    "stars": ("overall", "rating", "star_rating"),
    "summary": ("summary", "title", "review_headline"),
    "time": (wire.UNIX_REVIEW_TIME, "timestamp"),
    "day": (wire.REVIEW_TIME, "review_date"),
    "verified": ("verified", "verified_purchase"),
}


IS_REVIEWS = "these are reviews: seed_reviews reads them"
IS_PRODUCTS = "these are products: seed_products reads them"

IS_WOOCOMMERCE = (
    "this is WooCommerce's export, which mixes products and variants; keep the rows of what you sell, and name the "
    "columns SKU, Name, Regular price, Categories and Images: asin, title, price, category and image"
)
WOOCOMMERCE = frozenset({"sku", "regularprice", "categories"})


def _names(aliases: Aliases, *fields: str) -> frozenset[str]:
    return frozenset(folded(name) for field in fields for name in aliases[field])


ASIN = _names(PRODUCTS, "asin")
_REVIEWER, _STARS = _names(REVIEWS, "reviewer"), _names(REVIEWS, "stars")
_OF_PRODUCTS = _names(PRODUCTS, "title", "picture", "ranks", "categories", "brand", "price")


def is_of_reviews(names: frozenset[str]) -> bool:
    """Whether the folded column names are those of reviews: they include a reviewer and stars."""
    return not names.isdisjoint(_REVIEWER) and not names.isdisjoint(_STARS)


def is_of_products(names: frozenset[str]) -> bool:
    """Whether the folded column names are those of products and not of reviews."""
    return names.isdisjoint(_REVIEWER | _STARS) and not names.isdisjoint(_OF_PRODUCTS)

"""The names that columns have in the shapes of files that are read.

Of several columns for one field the first name here counts; the others stand in where its cell is absent.
"""

from collections.abc import Mapping

from catalog.importers.columns import folded

Aliases = Mapping[str, tuple[str, ...]]

# Metadata of 2014, 2018 and 2023, the short CSV of Musical Instruments, Shopify's product CSV.
PRODUCTS: Aliases = {
    "asin": ("asin", "parent_asin", "Product ID", "Handle"),
    "title": ("title", "name"),
    "description": ("description", "Body (HTML)"),
    "picture": ("imUrl", "imageURLHighRes", "imageURL", "images", "image", "Image Src", "Variant Image"),
    "related": ("related",),
    "also_bought": ("also_buy",),
    "also_viewed": ("also_view",),
    "bought_together": ("bought_together",),
    "ranks": ("salesRank", "rank"),
    "categories": ("categories", "category", "Product Category"),
    "main_category": ("main_category", "main_cat", "Type"),
    "features": ("features", "feature"),
    "brand": ("brand", "store", "Vendor"),
    "price": ("price", "Variant Price"),
}

# Reviews of 2014, 2018 and 2023, amazon_us_reviews, and ratings only: user, item, rating, timestamp.
REVIEWS: Aliases = {
    "reviewer": ("reviewerID", "user_id", "customer_id", "user"),
    "asin": ("parent_asin", "asin", "product_id", "item"),
    "name": ("reviewerName",),
    "votes": ("helpful", "vote", "helpful_vote", "helpful_votes"),
    "all_votes": ("total_votes",),
    "text": ("reviewText", "text", "review_body"),
    "stars": ("overall", "rating", "star_rating"),
    "summary": ("summary", "title", "review_headline"),
    "time": ("unixReviewTime", "timestamp"),
    "day": ("reviewTime", "review_date"),
}


IS_REVIEWS = "these are reviews: seed_reviews reads them"
IS_PRODUCTS = "these are products: seed_products reads them"


def _names(aliases: Aliases, *fields: str) -> frozenset[str]:
    return frozenset(folded(name) for field in fields for name in aliases[field])


_REVIEWER, _STARS = _names(REVIEWS, "reviewer"), _names(REVIEWS, "stars")
_OF_PRODUCTS = _names(PRODUCTS, "title", "picture", "ranks", "categories", "brand", "price")


def is_of_reviews(names: frozenset[str]) -> bool:
    """Whether columns with these folded names are those of reviews: who wrote one, and the stars."""
    return not names.isdisjoint(_REVIEWER) and not names.isdisjoint(_STARS)


def is_of_products(names: frozenset[str]) -> bool:
    """Whether columns with these folded names are those of products, and not of reviews."""
    return names.isdisjoint(_REVIEWER | _STARS) and not names.isdisjoint(_OF_PRODUCTS)

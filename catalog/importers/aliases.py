"""The names that columns have in the shapes of files that are read, as ``columns.folded`` writes them.

Of several columns with one field the first name here counts; the others stand in where its cell is absent.
"""

# Metadata of 2014, 2018 and 2023, the short CSV of Musical Instruments, Shopify's product CSV.
PRODUCTS = {
    "asin": ("asin", "parentasin", "productid", "handle"),
    "title": ("title", "name"),
    "description": ("description", "bodyhtml"),
    "picture": ("imurl", "imageurlhighres", "imageurl", "images", "image", "imagesrc", "variantimage"),
    "related": ("related",),
    "also_bought": ("alsobuy",),
    "also_viewed": ("alsoview",),
    "bought_together": ("boughttogether",),
    "ranks": ("salesrank", "rank"),
    "categories": ("categories", "category", "productcategory"),
    "main_category": ("maincategory", "maincat", "type"),
    "features": ("features", "feature"),
    "brand": ("brand", "store", "vendor"),
    "price": ("price", "variantprice"),
}

# Reviews of 2014, 2018 and 2023, amazon_us_reviews, and ratings only: user, item, rating, timestamp.
REVIEWS = {
    "reviewer": ("reviewerid", "userid", "customerid", "user"),
    "asin": ("parentasin", "asin", "productid", "item"),
    "name": ("reviewername",),
    "votes": ("helpful", "vote", "helpfulvote", "helpfulvotes"),
    "all_votes": ("totalvotes",),
    "text": ("reviewtext", "text", "reviewbody"),
    "stars": ("overall", "rating", "starrating"),
    "summary": ("summary", "title", "reviewheadline"),
    "time": ("unixreviewtime", "timestamp"),
    "day": ("reviewtime", "reviewdate"),
}

_OF_PRODUCTS = {name for field in ("picture", "ranks", "categories", "brand", "price") for name in PRODUCTS[field]}


def is_of_reviews(names: frozenset[str]) -> bool:
    """Whether columns with these names are those of reviews: who wrote one, and the stars."""
    return not names.isdisjoint(REVIEWS["reviewer"]) and not names.isdisjoint(REVIEWS["stars"])


def is_of_products(names: frozenset[str]) -> bool:
    """Whether columns with these names are those of products, and not of reviews."""
    return names.isdisjoint(REVIEWS["reviewer"] + REVIEWS["stars"]) and not names.isdisjoint(_OF_PRODUCTS | {"title"})

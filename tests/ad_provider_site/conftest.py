"""A shop with two categories of differently rated products."""

import pytest

from catalog.models import Product, Review, leaf_category

PENS, PAPER = ["Office Products", "Pens"], ["Office Products", "Paper"]


@pytest.fixture
def shop(db: None) -> list[Product]:
    """Create PEN0 to PEN5 and PAPER0 to PAPER5, best rated first, all with the same number of reviews."""
    kinds = {"PEN": PENS, "PAPER": PAPER}
    products = Product.objects.bulk_create(
        Product(asin=f"{kind}{n}", title=f"{kind} {n}", categories=categories, leaf_category=leaf_category(categories))
        for kind, categories in kinds.items()
        for n in range(6)
    )
    Review.objects.bulk_create(
        Review(reviewer_id=f"R{r}", product=product, overall=5 if r >= int(product.asin[-1]) else 1, unix_review_time=1)
        for product in products
        for r in range(6)
    )
    return products

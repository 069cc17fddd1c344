"""Deletes products with too many reviews for a request, in steps that hold locks only briefly.

An interrupted run has deleted some of the reviews; a second run continues.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from catalog.models import Product, Review

STEP = 5_000  # reviews per statement, whose product is locked meanwhile


class Command(BaseCommand):
    help = "Delete products with all their reviews, however many there are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("asins", nargs="+", metavar="asin")
        parser.add_argument("--dry-run", action="store_true", help="delete nothing")

    def handle(self, *args: Any, asins: list[str], dry_run: bool, **options: Any) -> None:
        for asin in asins:
            if "\0" in asin or not Product.objects.filter(asin=asin).exists():
                raise CommandError(f"there is no product {asin!r}; nothing was deleted")
        for asin in asins:
            count = Review.objects.filter(product_id=asin).count() if dry_run else self.delete(asin)
            self.stdout.write(f"{asin} and {count} reviews: {'not deleted' if dry_run else 'deleted'}")

    def delete(self, asin: str) -> int:
        """Delete the product. Return the number of its reviews."""
        reviews = Review.objects.filter(product_id=asin).order_by("pk")
        deleted = last = 0
        while end := next(iter(reviews.filter(pk__gt=last).values_list("pk", flat=True)[STEP - 1 : STEP]), 0):
            deleted += reviews.filter(pk__gt=last, pk__lte=end).delete()[0]
            last = end
        with transaction.atomic():  # the product and reviews that were written meanwhile
            product = Product.objects.select_for_update().filter(asin=asin).first()
            return deleted + (product.delete()[1].get("catalog.Review", 0) if product else 0)

"""Creates a demo shop. Equal options make equal shops."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from catalog.demo import shop
from catalog.importers.products import ProductImporter
from catalog.importers.reviews import ReviewImporter
from catalog.importers.upsert import Table, encode, upsert
from catalog.models import Product, Review


class Command(BaseCommand):
    help = "Fill the database with a demo shop of office supplies."

    def add_arguments(self, parser: CommandParser) -> None:
        shop.add_arguments(parser)
        base_url = settings.RECOMMENDER_PUBLIC_URL
        parser.add_argument("--base-url", default=base_url, help="URL where browsers find the pictures: %(default)s")
        parser.add_argument("--if-empty", action="store_true", help="do nothing if there are products already")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        shop.check(options)
        if not options["base_url"].startswith(("http://", "https://")):
            raise CommandError("--base-url: must be an http(s) URL")
        if options["if_empty"] and Product.objects.exists():
            moved = _move_pictures(options["base_url"].rstrip("/"))
            told = f"; {moved} pictures are at {options['base_url']} now" if moved else ""
            self.stdout.write(f"There are products already; nothing was seeded{told}.")
            return
        self.seed(**options)

    def seed(self, *, seed: int, products: int, reviewers: int, base_url: str, dry_run: bool, **options: Any) -> None:
        made, reviews = shop.make_shop(seed, products, reviewers, base_url.rstrip("/"))
        with transaction.atomic():  # half a shop would count as a full one for --if-empty
            done = {
                "products": (
                    len(made),
                    *upsert(ProductImporter.table, encode(_row(each.product, ProductImporter.table) for each in made)),
                ),
                "reviews": (
                    len(reviews),
                    *upsert(ReviewImporter.table, encode(_row(review, ReviewImporter.table) for review in reviews)),
                ),
            }
            transaction.set_rollback(dry_run)
        figures = "; ".join(
            f"{name}: {created} created, {updated} updated, {total - created - updated} unchanged"
            for name, (total, created, updated) in done.items()
        )
        self.stdout.write(("Nothing was written. Without --dry-run: " if dry_run else "") + figures)


def _move_pictures(base_url: str) -> int:
    """Let browsers find the pictures of a demo that was made when the recommender had another port on this machine."""
    of_demo = Product.objects.filter(
        im_url__regex=r"^http://(localhost|127\.0\.0\.1)(:[0-9]+)?/pictures/[a-z]+-\w+\.svg$"
    )
    moved = list(of_demo.exclude(im_url__startswith=f"{base_url}/").only("im_url"))
    for product in moved:
        product.im_url = f"{base_url}/pictures/{product.im_url.rpartition('/')[2]}"
    Product.objects.bulk_update(moved, ["im_url"], batch_size=500)
    return len(moved)


def _row(instance: Product | Review, table: Table) -> tuple[Any, ...]:
    attributes = {"asin": "product_id"} if isinstance(instance, Review) else {}
    values = (getattr(instance, attributes.get(column, column)) for column in table.columns)
    return tuple(json.dumps(value) if isinstance(value, list | dict) else value for value in values)

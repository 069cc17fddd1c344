"""Deletes what seed_demo created, and nothing else."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalog.demo import shop
from catalog.demo.removal import remove


class Command(BaseCommand):
    help = (
        "Delete the products and reviews of seed_demo. A product that was changed or reviewed since stays, without its "
        "demo reviews. Use the same options as for seed_demo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        shop.add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        shop.check(options)
        made, reviews = shop.make_shop(options["seed"], options["products"], options["reviewers"], "")
        done = remove([each.product for each in made], reviews, dry_run=options["dry_run"])
        deleted = "would be deleted" if options["dry_run"] else "deleted"
        self.stdout.write(
            f"{done.products} products and {done.reviews} reviews of the demo {deleted}; "
            f"kept: {done.changed} of its products that were changed, {done.reviewed} that others have reviewed, "
            f"{done.used} that have rules of the staff"
        )

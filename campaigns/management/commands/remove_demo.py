"""Deletes the demo of seed_campaigns."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from campaigns.demo.removal import remove


class Command(BaseCommand):
    help = (
        "Delete the demo campaigns of seed_campaigns with their ads and figures. A campaign that was changed in the "
        "admin stays, unless it was only paused or resumed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        done = remove(dry_run=dry_run)
        demo = f"{done.campaigns} campaigns and {done.advertisers} advertisers of the demo"
        self.stdout.write(f"Nothing was deleted. {demo} would be deleted" if dry_run else f"{demo} deleted")

"""Keeps the ledger small: replaces old events by daily sums."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns import retention


class Command(BaseCommand):
    help = "Fold old events into daily figures, and delete the data of viewers and addresses. Reports stay the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=int, default=90, metavar="DAYS", help="fold events older than this (default: 90)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # A folded event would count again if its URL were called, so the URL must have expired.
        if not 2 <= options["older_than"] <= 36_500:
            raise CommandError("--older-than: must be from 2 to 36500")
        done = retention.roll_up(options["older_than"])
        self.stdout.write(f"{done.events} events of {done.days} days folded; {done.viewers} rows of viewers deleted")

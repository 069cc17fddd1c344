"""Keeps the ledger small: of old days there are sums, of recent ones each impression and click."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from campaigns import retention
from service.commands import unusable_database


class Command(BaseCommand):
    help = "Fold old events into daily figures, which changes no report, and forget what viewers saw."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=int, default=90, metavar="DAYS", help="how old events stay as they are (default: 90)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # An event that is folded is not known any more as one that counted: its URL must have expired by then.
        if not 2 <= options["older_than"] <= 36_500:
            raise CommandError("--older-than: must be from 2 to 36500")
        try:
            done = retention.roll_up(options["older_than"])
        except Error as error:
            raise unusable_database(error) from error
        self.stdout.write(f"{done.events} events of {done.days} days folded; {done.viewers} rows of viewers deleted")

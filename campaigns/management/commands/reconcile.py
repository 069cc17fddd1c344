"""Compares the ledger with the counters that budgets are checked with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns import reports
from campaigns.models import Campaign
from campaigns.money import amount


class Command(BaseCommand):
    help = "Compare the spend in the ledger with the counters of campaigns and days. Exit 1 if they differ."

    def handle(self, *args: Any, **options: Any) -> None:
        different = reports.differences()
        campaigns = Campaign.objects.count()
        for each in different:
            where = f"campaign {each.campaign}" + (f" on {each.day}" if each.day else "")
            self.stdout.write(
                f"{where}: ledger {amount(each.ledger)}, counter {amount(each.counter)}, "
                f"difference {each.micros} micros"
            )
        if different:
            raise CommandError(f"{campaigns} campaigns, differences: {len(different)}")
        self.stdout.write(f"{campaigns} campaigns, difference 0")

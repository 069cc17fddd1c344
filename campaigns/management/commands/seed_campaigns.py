"""Creates demo advertisers and campaigns with a history.

The same seed creates the same campaigns for the same products and time of day.
"""

import random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from campaigns.demo.campaigns import make_advertisers, make_campaigns
from campaigns.demo.history import make_history
from campaigns.demo.store import store
from campaigns.models import Advertiser
from campaigns.money import amount
from catalog.models import Product

CHOSEN_FROM = 5000  # products; enough for a demo, and a catalogue may have a million


class Command(BaseCommand):
    help = "Create demo campaigns for the products in the database, with a history of two weeks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="another number creates other campaigns")
        parser.add_argument("--if-empty", action="store_true", help="do nothing if there is an advertiser already")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if Advertiser.objects.exists():  # even without a campaign
            if not options["if_empty"]:  # billed events cannot be replaced
                raise CommandError("there are advertisers already")
            self.stdout.write("There are advertisers already; nothing was seeded.")
            return
        products = list(Product.objects.defer("description", "related", "sales_rank").order_by("asin")[:CHOSEN_FROM])
        if not products:
            raise CommandError("there are no products to advertise; seed_demo makes some")
        rng, now = random.Random(options["seed"]), timezone.now()  # noqa: S311
        advertisers = make_advertisers(rng, products)
        plans = make_campaigns(rng, advertisers, products, now)
        history = make_history(rng, plans, now)
        with transaction.atomic():
            store(advertisers, plans, history)
            transaction.set_rollback(options["dry_run"])
        offers = [offer for plan in plans for offer in plan.offers]
        self.stdout.write(
            ("Nothing was written. " if options["dry_run"] else "")
            + f"{len(advertisers)} advertisers, {len(plans)} campaigns, {len(offers)} ads, "
            f"{sum(len(offer.targets) for offer in offers)} targets; {len(history.events)} events, "
            f"{len(history.figures)} daily figures, {amount(sum(plan.campaign.spent for plan in plans))} spent"
        )

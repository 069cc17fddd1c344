"""Deletes the demo campaigns with their history and everything that happened since."""

import json
import random
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.demo.campaigns import make_advertisers, make_campaigns
from campaigns.models import Advertiser, Campaign, DailyFigures, Day, Event, SponsoredProduct, Target, Unbilled, Viewer
from catalog.demo.products import make_products

# Messages in the admin's log for a campaign that was saved unchanged, paused or resumed.
_NO_CHANGE = ["", "[]", "Now paused.", "Now active.", json.dumps([{"changed": {"fields": ["Status"]}}])]


@dataclass
class Removed:
    campaigns: int
    advertisers: int


def remove(*, dry_run: bool) -> Removed:
    """Delete the campaigns of seed_campaigns that nobody has changed, and their advertisers without other campaigns.

    In one transaction.
    """
    with transaction.atomic():
        of_demo = Campaign.objects.filter(Q(demo=True) | Q(pk__in=_unmarked()))
        # In the order of charging, to prevent deadlocks.
        _lock(Day.objects.filter(campaign__in=of_demo))
        _lock(SponsoredProduct.objects.filter(campaign__in=of_demo))
        campaigns = _lock(of_demo)
        of_these: dict[str, Any] = {"campaign__in": campaigns}
        advertisers = list(Advertiser.objects.filter(campaigns__in=campaigns).distinct().values_list("pk", flat=True))
        Target.objects.filter(ad__campaign__in=campaigns).delete()
        for model in (Event, DailyFigures, Unbilled, Viewer, Day, SponsoredProduct):
            model._default_manager.filter(**of_these).delete()
        Campaign.objects.filter(pk__in=campaigns).delete()
        left = Advertiser.objects.filter(pk__in=advertisers, campaigns=None)
        done = Removed(len(campaigns), left.delete()[0])
        transaction.set_rollback(dry_run)
    return done


def _unmarked() -> list[int]:
    """Return unchanged demo campaigns of a release without the field ``demo``, in the demo shop of default options.

    They have the budgets, ads and targets that seed_campaigns creates again, and no change in the admin's log.
    """
    products = sorted((each.product for each in make_products(random.Random(1), 1200, "")), key=lambda each: each.asin)
    rng = random.Random(1)
    plans = make_campaigns(rng, make_advertisers(rng, products), products, timezone.now())
    made = {_signature(plan.campaign, [target for offer in plan.offers for target in offer.targets]) for plan in plans}
    names = {plan.campaign.advertiser.name for plan in plans}
    stored = Campaign.objects.filter(demo=False, advertiser__name__in=names).select_related("advertiser")
    return [
        each.pk
        for each in stored
        if _signature(each, Target.objects.filter(ad__campaign=each).select_related("ad")) in made
        and not _was_changed(each)
    ]


def _was_changed(campaign: Campaign) -> bool:
    """Return whether the admin's log has a change of the campaign or of one of its ads."""
    ads = SponsoredProduct.objects.filter(campaign=campaign).values_list("pk", flat=True)
    noted = ((Campaign, [campaign.pk]), (SponsoredProduct, ads))
    return any(
        LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(model), object_id__in=[str(each) for each in keys]
        )
        .exclude(change_message__in=_NO_CHANGE)
        .exists()
        for model, keys in noted
    )


def _signature(campaign: Campaign, targets: Iterable[Target]) -> Hashable:
    aims = frozenset((each.ad.product_id, each.kind, each.value, each.negative) for each in targets)
    return campaign.advertiser.name, campaign.name, campaign.daily_budget, campaign.total_budget, aims


def _lock(rows: models.QuerySet[Any]) -> list[int]:
    return list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))

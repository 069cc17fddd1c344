"""Takes the made-up campaigns out again, with what was made up to have happened and what has happened since."""

from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from campaigns.models import Advertiser, Campaign, DailyFigures, Day, Event, SponsoredProduct, Target, Unbilled, Viewer


@dataclass
class Removed:
    campaigns: int
    advertisers: int


def remove(*, dry_run: bool) -> Removed:
    """Delete the campaigns that seed_campaigns has made and nobody has changed since, and their advertisers unless they
    have others. All or nothing."""
    with transaction.atomic():
        of_demo = Campaign.objects.filter(demo=True)
        # In the order of those who charge, so that no two wait for each other in a circle.
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


def _lock(rows: models.QuerySet[Any]) -> list[int]:
    return list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))

"""Saves the demo in a few statements."""

from typing import Any

from django.db import connection

from campaigns.demo.campaigns import Plan
from campaigns.demo.history import History
from campaigns.models import Advertiser, Campaign, DailyFigures, Day, Event, SponsoredProduct, Target, Unbilled, day_of
from catalog.importers.upsert import Table, encode, insert

_EVENTS = Table(
    Event._meta.db_table,
    ("decision", "ad_id", "campaign_id", "kind", "at", "day", "position", "placement", "target", "term", "price"),
    key=("decision", "ad_id", "kind"),
)


def store(advertisers: list[Advertiser], plans: list[Plan], history: History) -> None:
    """Save everything in the transaction of the caller."""
    Advertiser.objects.bulk_create(advertisers)
    Campaign.objects.bulk_create([plan.campaign for plan in plans])
    SponsoredProduct.objects.bulk_create([offer.ad for plan in plans for offer in plan.offers])
    targets = [target for plan in plans for offer in plan.offers for target in offer.targets]
    Target.objects.bulk_create(targets, batch_size=1000)
    Day.objects.bulk_create(history.days)
    Unbilled.objects.bulk_create(
        [
            Unbilled(campaign=plans[number].campaign, day=d, kind=k, reason=r, count=count)
            for (number, d, k, r), count in history.unbilled.items()
        ],
        batch_size=1000,
    )
    DailyFigures.objects.bulk_create(
        [
            DailyFigures(
                ad=ad,
                campaign_id=ad.campaign_id,
                day=day,
                placement=cut.placement,
                target=cut.target,
                term=cut.term,
                impressions=shown,
                clicks=clicks,
                spent=spent,
            )
            for (_, day, cut), (ad, (shown, clicks, spent)) in history.figures.items()
        ],
        batch_size=1000,
    )
    insert(_EVENTS, encode(_rows(history)))


def _rows(history: History) -> list[tuple[Any, ...]]:
    stored_as: Any = connection.ops.adapt_datetimefield_value
    return [
        (
            each.decision,
            each.ad.pk,
            each.ad.campaign_id,
            each.kind.value,
            stored_as(each.at),
            f"{day_of(each.at)}",
            each.position,
            *each.cut,
            each.price,
        )
        for each in history.events
    ]

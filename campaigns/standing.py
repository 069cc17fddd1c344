"""The state of campaigns and ads now: which campaigns run, and why ads cannot be shown."""

from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from campaigns import running
from campaigns.choice import FIT, LEAST_RELEVANCE, NO_PRODUCT, TYPICAL_IMPRESSIONS, TYPICAL_RATE
from campaigns.models import Campaign, Day, SponsoredProduct, Target, day_of
from campaigns.money import floor
from catalog.models import Product, is_available


class Standing(TextChoices):
    """The state of a campaign by its status, dates and budgets."""

    RUNNING = "running", "running"
    OUT_OF_BUDGET = "out of budget", "out of budget"
    PAUSED = "paused", "paused"
    SCHEDULED = "scheduled", "scheduled"
    ENDED = "ended", "ended"


def campaigns_at(campaigns: QuerySet[Campaign], now: datetime) -> QuerySet[Campaign]:
    """Add ``standing``, ``today_budget`` and ``today_spent`` in micros, and the numbers of ads: ``ads_all``, with a
    product, with a target, with both, and ``ads_able``, which are clicked often enough too."""
    today = Day.objects.filter(campaign=OuterRef("pk"), day=day_of(now))
    ads = SponsoredProduct.objects.filter(campaign=OuterRef("pk"))
    return campaigns.annotate(
        # The first click of a day creates its row.
        today_budget=Coalesce(Subquery(today.values("budget")), F("daily_budget")),
        today_spent=Coalesce(Subquery(today.values("spent")), Value(0)),
        standing=_standing(now),
        ads_all=_number(ads),
        ads_with_product=_number(ads.filter(HAS_PRODUCT)),
        ads_with_target=_number(ads.filter(has_target())),
        ads_with_both=_number(ads.filter(HAS_PRODUCT, has_target())),
        ads_able=_number(ads.filter(HAS_PRODUCT, is_relevant())),
    )


def ads_now(ads: QuerySet[SponsoredProduct]) -> QuerySet[SponsoredProduct]:
    """Add ``has_product``, ``has_target`` and ``is_relevant``: an ad needs all three to be shown."""
    return ads.annotate(has_product=HAS_PRODUCT, has_target=has_target(), is_relevant=is_relevant())


def why_not_shown(campaign: Any) -> str:
    """Return why ads of a campaign of ``campaigns_at`` are not shown; an empty text if all can be."""
    every, able = campaign.ads_all, campaign.ads_able
    if not every:
        return "it has no ads"
    if able:
        return f"{every - able} of {every} ads cannot be shown" if able < every else ""
    if not campaign.ads_with_product:
        return "the products of its ads are deleted, not listed or out of stock"
    if not campaign.ads_with_target:
        return "its ads have no target"
    return "too few people click its ads" if campaign.ads_with_both else "no ad has a target and an available product"


def why_ad_not_shown(ad: Any) -> str:
    """Return why an ad of ``ads_now`` is not shown; an empty text if it can be."""
    if not ad.has_product:
        return NO_PRODUCT
    if not ad.has_target:
        return "it has no target"
    return "" if ad.is_relevant else "too few people click it"


HAS_PRODUCT = Exists(Product.objects.filter(is_available, asin=OuterRef("product_id")))


def has_target() -> Exists:
    """Whether an ad has a target with a sufficient bid, other than its own product's page."""
    return Exists(_targets())


def is_relevant() -> Exists:
    """Whether an ad is clicked often enough for its best target: campaigns.choice.is_relevant in SQL."""
    fit = Case(*(When(kind=kind, then=Value(fit)) for kind, fit in FIT.items()), output_field=FloatField())
    clicks = OuterRef("clicks") + TYPICAL_RATE * TYPICAL_IMPRESSIONS
    least = (OuterRef("impressions") + TYPICAL_IMPRESSIONS) * (LEAST_RELEVANCE * TYPICAL_RATE)
    found = _targets().annotate(
        relevance=ExpressionWrapper(fit * clicks, FloatField()), least=ExpressionWrapper(least, FloatField())
    )
    return Exists(found.filter(relevance__gte=F("least")))


def _targets() -> QuerySet[Target]:
    bids = Target.objects.filter(ad=OuterRef("pk"), negative=False, bid__gte=floor())
    return bids.exclude(kind=Target.Kind.PRODUCT, value=OuterRef("product_id"))


def _standing(now: datetime) -> Case:
    spent = Q(spent__gt=F("total_budget") - floor()) | Q(today_spent__gt=F("today_budget") - floor())
    return Case(
        When(running.has_ended(now), then=Value(Standing.ENDED.value)),
        When(running.is_paused(), then=Value(Standing.PAUSED.value)),
        When(running.is_scheduled(now), then=Value(Standing.SCHEDULED.value)),
        When(spent, then=Value(Standing.OUT_OF_BUDGET.value)),
        default=Value(Standing.RUNNING.value),
        output_field=CharField(),
    )


def _number(ads: QuerySet[SponsoredProduct]) -> Coalesce:
    count = ads.order_by().values("campaign").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(count), Value(0))

"""What advertisers want. Money is in whole micros, millionths of a unit of the shop's currency.

A product is referred to by its asin without a constraint: the recommender does not know of campaigns and may delete
one. An ad for a deleted product is not shown.
"""

from datetime import UTC, date, datetime

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from campaigns.keywords import RULE, keyword
from catalog.models import Product
from catalog.rules import MAX_ASIN

MICROS = 1_000_000
MAX_VALUE = MAX_ASIN  # characters; categories and keywords are shorter


class Micros(models.BigIntegerField):  # type: ignore[type-arg]
    """An amount of money in micros, zero or more."""

    default_validators = [MinValueValidator(0)]


class Advertiser(models.Model):
    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Campaign(models.Model):
    """Ads with common budgets and dates. Only the statement that charges a click changes ``spent``."""

    class Status(models.TextChoices):
        ACTIVE = "active", "active"
        PAUSED = "paused", "paused"
        ENDED = "ended", "ended"

    class Pacing(models.TextChoices):
        EVEN = "even", "even over the day"
        ASAP = "asap", "as soon as possible"

    advertiser = models.ForeignKey(Advertiser, models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=6, choices=Status, default=Status.ACTIVE)
    starts = models.DateTimeField(default=timezone.now)
    ends = models.DateTimeField(null=True, blank=True)
    daily_budget = Micros(help_text="Per day, by UTC.")
    total_budget = Micros()
    pacing = models.CharField(max_length=4, choices=Pacing, default=Pacing.EVEN)
    viewer_limit = models.PositiveSmallIntegerField(
        "daily impressions per viewer", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    spent = Micros(default=0, editable=False)
    # Made by seed_campaigns and not changed since: remove_demo deletes it.
    demo = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        ordering = ["advertiser__name", "name"]
        constraints = [
            models.UniqueConstraint(fields=["advertiser", "name"], name="campaign_once_per_advertiser"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, spent__lte=F("total_budget")),
                name="campaign_never_overspent",
                violation_error_message="The total budget cannot be less than what is spent.",
            ),
            models.CheckConstraint(condition=Q(daily_budget__gte=0), name="campaign_daily_budget_not_negative"),
            models.CheckConstraint(
                condition=Q(ends__isnull=True) | Q(ends__gt=F("starts")),
                name="campaign_ends_after_it_starts",
                violation_error_message="The end must be after the start.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.advertiser.name})"


class Day(models.Model):
    """A campaign's budget for a day. The first click of the day, or a change of the daily budget, creates it."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="days")
    day = models.DateField()
    budget = Micros()
    spent = Micros(default=0)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["day", "campaign"], name="day_once_per_campaign"),
            models.CheckConstraint(condition=Q(spent__gte=0, spent__lte=F("budget")), name="day_never_overspent"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} on {self.day}"


class SponsoredProduct(models.Model):
    """An ad. ``impressions`` and ``clicks`` are those in the ledger, for the click rate."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="ads")
    product = models.ForeignKey(
        Product,
        models.DO_NOTHING,
        to_field="asin",
        db_column="asin",
        db_constraint=False,
        related_name="ads",
    )
    impressions = models.PositiveBigIntegerField(default=0, editable=False)
    clicks = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["id"]
        verbose_name = "ad"
        constraints = [models.UniqueConstraint(fields=["campaign", "product"], name="product_once_per_campaign")]

    def __str__(self) -> str:
        return f"{self.product_id} in {self.campaign.name}"


class Target(models.Model):
    """Where an ad may be shown and the highest price of a click there; if ``negative``, where it is never shown."""

    class Kind(models.TextChoices):
        PRODUCT = "product", "product page (asin)"
        CATEGORY = "category", "category"
        KEYWORD = "keyword", "keyword"

    ad = models.ForeignKey(SponsoredProduct, models.CASCADE, related_name="targets")
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=MAX_VALUE, help_text=RULE)
    bid = Micros(null=True, blank=True, help_text="The most that a click may cost. A negative target has no bid.")
    negative = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["ad", "kind", "value"], name="target_once_per_ad"),
            models.CheckConstraint(
                condition=Q(negative=True, bid__isnull=True) | Q(negative=False, bid__isnull=False, bid__gt=0),
                name="target_has_a_bid_or_is_negative",
                violation_error_message="A target needs a bid above zero. A negative target has no bid.",
            ),
        ]

    def __str__(self) -> str:
        return f"{'not ' if self.negative else ''}{self.kind} {self.value}"

    def save(self, *args: object, **kwargs: object) -> None:
        if self.kind == self.Kind.KEYWORD:
            self.value = keyword(self.value)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


def day_of(at: datetime) -> date:
    """Return the day of a moment: budgets are per day of UTC."""
    return at.astimezone(UTC).date()

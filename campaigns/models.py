"""What advertisers want, and what happened. Money is in whole micros, millionths of a unit of the shop's currency.

Products are told by their asin without a constraint: the recommender, which does not know of campaigns, may delete one.
An ad for a product that is gone is not shown.
"""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.models import Product
from catalog.rules import MAX_ASIN, MAX_PLACEMENT

MICROS = 1_000_000
MAX_VALUE = MAX_ASIN  # characters, as these two; categories and keywords are shorter
MAX_TARGET = MAX_VALUE + 10
MAX_TERM = 100


class Micros(models.BigIntegerField):  # type: ignore[type-arg]
    """An amount of money, not below zero."""

    default_validators = [MinValueValidator(0)]


class Advertiser(models.Model):
    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Campaign(models.Model):
    """``spent`` is kept by the statement that charges, and by nothing else."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        ENDED = "ended"

    class Pacing(models.TextChoices):
        EVEN = "even", "even over the day"
        ASAP = "asap", "as soon as possible"

    advertiser = models.ForeignKey(Advertiser, models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=6, choices=Status, default=Status.ACTIVE)
    starts = models.DateTimeField(default=timezone.now)
    ends = models.DateTimeField(null=True, blank=True)
    daily_budget = Micros(help_text="Of a day, by UTC.")
    total_budget = Micros()
    pacing = models.CharField(max_length=4, choices=Pacing, default=Pacing.EVEN)
    viewer_limit = models.PositiveSmallIntegerField(
        "daily impressions per viewer", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    spent = Micros(default=0, editable=False)
    # Made by seed_campaigns, and changed by nobody since: remove_demo deletes it.
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
                violation_error_message="A campaign ends after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.advertiser.name})"


class Day(models.Model):
    """A campaign's budget of a day. It is there from the day's first charge or first change of the budget on."""

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
    """An ad. ``impressions`` and ``clicks`` count what was counted, for the click rate."""

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
        constraints = [models.UniqueConstraint(fields=["campaign", "product"], name="product_once_per_campaign")]

    def __str__(self) -> str:
        return f"{self.product_id} in campaign {self.campaign_id}"


class Target(models.Model):
    """Where an ad is to be shown, and the most that a click is worth there; or, where ``negative``, where never."""

    class Kind(models.TextChoices):
        PRODUCT = "product", "a product's page (asin)"
        CATEGORY = "category"
        KEYWORD = "keyword"

    ad = models.ForeignKey(SponsoredProduct, models.CASCADE, related_name="targets")
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=MAX_VALUE)
    bid = Micros(null=True, blank=True, help_text="The most that a click may cost; none for a negative target.")
    negative = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["ad", "kind", "value"], name="target_once_per_ad"),
            models.CheckConstraint(
                condition=Q(negative=True, bid__isnull=True) | Q(negative=False, bid__isnull=False, bid__gt=0),
                name="target_has_a_bid_or_is_negative",
                violation_error_message="A target needs a bid above zero, and a negative one none.",
            ),
        ]

    def __str__(self) -> str:
        return f"{'not ' if self.negative else ''}{self.kind} {self.value}"

    def save(self, *args: object, **kwargs: object) -> None:
        if self.kind == self.Kind.KEYWORD:
            self.value = keyword(self.value)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))  # soft hyphen, blanks without a width, byte order mark


def keyword(text: str) -> str:
    """As keywords are compared: however their letters are composed, whatever their case and blanks (NFKC_Casefold)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_UNSEEN).casefold())
    return " ".join(folded.split())


def search_term(keywords: Sequence[str]) -> str:
    """The keywords that were searched for as one text, cut at MAX_TERM characters: it travels in the URLs of ads."""
    return ", ".join(keywords)[:MAX_TERM]


class Kind(models.TextChoices):
    """Of what a shopper does."""

    IMPRESSION = "impression"
    CLICK = "click"


class AppendOnly(models.Model):
    """A row that is written once. The roll-up alone deletes some, after it has kept their sums."""

    class Meta:
        abstract = True

    def save(self, *args: object, **kwargs: object) -> None:
        if self.pk:
            raise ValidationError("What happened is not edited.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        raise ValidationError("What happened is not deleted.")


class Cuts(models.Model):
    """What reports are cut by: where on the page, by which target, and after which search, where that is known.

    The defaults are the database's too: statements of the release before know nothing of these columns.
    """

    placement = models.CharField(max_length=MAX_PLACEMENT, blank=True, default="", db_default="")
    target = models.CharField(max_length=MAX_TARGET, blank=True, default="", db_default="")  # kind, blank, value
    term = models.CharField("search term", max_length=MAX_TERM, blank=True, default="", db_default="")

    class Meta:
        abstract = True


class Event(AppendOnly, Cuts):
    """The ledger: an impression or a click that counts, once for each decision and ad, and what it cost."""

    decision = models.CharField(max_length=22)
    ad = models.ForeignKey(SponsoredProduct, models.PROTECT, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField()
    day = models.DateField()
    position = models.PositiveSmallIntegerField()
    price = Micros()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["decision", "ad", "kind"], name="event_counts_once")]
        indexes = [models.Index(fields=["campaign", "day"], name="event_by_campaign_day")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.ad_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class Reason(models.TextChoices):
    """Why an impression or a click does not count."""

    REPEATED = "repeated", "counted before"
    EXPIRED = "expired"
    SIGNATURE = "signature", "bad signature"
    ROBOT = "robot", "robot or prefetch"
    HEAD = "head", "HEAD request"
    VIEWER = "viewer", "too many from one viewer"
    INACTIVE = "inactive", "campaign paused, ended or out of dates, or ad deleted"
    BUDGET = "budget", "over budget"
    UNSEEN = "unseen", "click without an impression"
    EARLY = "early", "click within a second of its impression"
    OFTEN = "often", "again within a minute"
    ADDRESS = "address", "too many from one address"
    PACE = "pace", "ahead of even pacing"


class Unbilled(models.Model):
    """How many impressions or clicks of a day did not count, and why: a number, however often somebody calls a URL.

    Without a campaign where the URL tells of none.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="+")
    day = models.DateField()
    kind = models.CharField(max_length=10, choices=Kind)
    reason = models.CharField(max_length=9, choices=Reason)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "unbilled"
        constraints = [
            models.UniqueConstraint(Coalesce("campaign", 0), "day", "kind", "reason", name="unbilled_once_per_reason")
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.kind}, {self.reason}"


class Viewer(models.Model):
    """How often a client has seen and clicked a campaign on a day. A client is a viewer or an address, told by nothing
    but a hash that is another one each day; an event has up to two. ``impressions`` and ``clicks`` are those that
    count, ``uncounted`` impressions those that do not and are kept as Shown."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    viewer = models.CharField(max_length=22)
    impressions = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)
    uncounted = models.PositiveIntegerField(default=0, db_default=0)  # writers of an earlier release do not name it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "viewer", "campaign"], name="viewer_once_per_campaign_day"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer} on {self.day}"


class LastImpression(models.Model):
    """When an impression of an ad last counted for a client, so that the next one counts a minute later."""

    client = models.CharField(max_length=22)
    ad = models.ForeignKey(SponsoredProduct, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "ad"], name="last_impression_once_per_client_ad")]

    def __str__(self) -> str:
        return f"{self.ad_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class Shown(models.Model):
    """An impression that a person saw and that does not count, so that a click on it can be told from one without."""

    decision = models.CharField(max_length=22)
    ad = models.ForeignKey(SponsoredProduct, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "ad"], name="shown_once_per_decision_ad")]

    def __str__(self) -> str:
        return f"{self.ad_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class DailyFigures(AppendOnly, Cuts):
    """The events of an ad and a day that are folded up, by what reports are cut by."""

    ad = models.ForeignKey(SponsoredProduct, models.PROTECT, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    impressions = models.PositiveBigIntegerField()
    clicks = models.PositiveBigIntegerField()
    spent = Micros()

    class Meta:
        ordering = ["-day"]
        verbose_name_plural = "daily figures"
        constraints = [
            models.UniqueConstraint(
                fields=["ad", "day", "placement", "target", "term"], name="figures_once_per_ad_day_and_cut"
            )
        ]
        indexes = [models.Index(fields=["campaign", "day"], name="figures_by_campaign_day")]

    def __str__(self) -> str:
        return f"{self.ad_id} on {self.day}"


def day_of(at: datetime) -> date:
    """Budgets are by days of UTC."""
    return at.astimezone(UTC).date()

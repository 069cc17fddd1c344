"""The ledger: impressions and clicks that count, their daily sums, and how many do not count."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Coalesce

from campaigns.keywords import MAX_TERM
from campaigns.models.campaign import MAX_VALUE, Campaign, Micros, SponsoredProduct
from catalog.rules import MAX_PLACEMENT

MAX_TARGET = MAX_VALUE + 10  # characters; with the kind before the value


class Kind(models.TextChoices):
    """What a shopper did."""

    IMPRESSION = "impression", "impression"
    CLICK = "click", "click"


class AppendOnly(models.Model):
    """A row that is written once. Only the roll-up deletes rows, after it has stored their sums."""

    class Meta:
        abstract = True

    def save(self, *args: object, **kwargs: object) -> None:
        if self.pk:
            raise ValidationError("The ledger cannot be edited.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        raise ValidationError("The ledger cannot be deleted.")


class Cuts(models.Model):
    """What reports can be filtered by: the place on the page, the target that matched, and the search term.

    The defaults are in the database too, because statements of the previous release do not name these columns.
    """

    placement = models.CharField(max_length=MAX_PLACEMENT, blank=True, default="", db_default="")
    target = models.CharField(max_length=MAX_TARGET, blank=True, default="", db_default="")  # kind, blank, value
    term = models.CharField("search term", max_length=MAX_TERM, blank=True, default="", db_default="")

    class Meta:
        abstract = True


class Event(AppendOnly, Cuts):
    """An impression or a click that counts, once per decision and ad, and its price."""

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
    EXPIRED = "expired", "expired"
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
    """How many impressions or clicks of a day did not count, by reason: one row, however often a URL is called.

    ``campaign`` is null if the URL is not valid.
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


class DailyFigures(AppendOnly, Cuts):
    """Sums of the events of an ad and day, one row for each combination that reports can be filtered by."""

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

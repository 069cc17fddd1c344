"""The results of build_recommendations, of which readers use the active build only, and the staff's rules for lists."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from catalog import rules
from catalog.models import Product

# Number of places that are stored: of all products, and of each category.
MOST_POPULAR, MOST_POPULAR_OF_CATEGORY = 1000, 200


class Build(models.Model):
    """One run. ``source`` describes its input, ``figures`` its results and the seconds of each stage."""

    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField("active", default=False)
    source = models.JSONField(default=dict)
    figures = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["is_active"], condition=Q(is_active=True), name="one_build_is_active"),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(finished_at__isnull=False), name="active_build_is_finished"
            ),
        ]

    def __str__(self) -> str:
        return f"build {self.pk}"


class Neighbours(models.Model):
    """The products most like one product, best first. A request reads twenty of these rows.

    ``others`` is JSON with lists of equal length: ``products`` (ids), ``scores``, ``from_reviews`` (the part of the
    score that comes from reviews) and ``trends`` (recent reviews). It is a text column, because no query looks inside
    and a JSON column makes a build take twice as long. There is no foreign key to products: lists skip a deleted
    product, and the next build drops it.
    """

    build = models.ForeignKey(Build, models.CASCADE, db_index=False)
    product = models.BigIntegerField()
    others = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["build", "product"], name="neighbours_once_per_build")]

    def __str__(self) -> str:
        return f"neighbours of {self.product} in build {self.build_id}"


class Popular(models.Model):
    """A product's place by popularity in a category, or among all products if ``category`` is empty.

    ``score`` counts its reviews, each weighted by exponential decay.
    """

    build = models.ForeignKey(Build, models.CASCADE, db_index=False)
    category = models.CharField(max_length=200, blank=True)
    place = models.PositiveIntegerField()
    product = models.BigIntegerField()
    score = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["build", "category", "place"], name="popular_once_per_place"),
        ]

    def __str__(self) -> str:
        return f"{self.place} of {self.category or 'all'} in build {self.build_id}"


class MerchandisingRule(models.Model):
    """The staff's wish for one product in the lists of a category, or in all lists if ``category`` is empty."""

    class Action(models.TextChoices):
        PIN = "pin", "pin: first in the list"
        BOOST = "boost", "boost: its score counts double"
        BURY = "bury", "bury: only where there is nothing else"

    # Without a constraint, because the ad provider deletes products too and does not know this table. Lists skip a
    # product that is gone.
    product = models.ForeignKey(Product, models.CASCADE, db_constraint=False)
    action = models.CharField(max_length=5, choices=Action)
    category = models.CharField(
        max_length=rules.MAX_NAME,
        blank=True,
        help_text="The lists for this category, and those that start from a product of it. Empty for all lists.",
    )
    place = models.PositiveSmallIntegerField(default=1, help_text="The order of the pinned products.")
    starts = models.DateTimeField(default=timezone.now)
    ends = models.DateTimeField(null=True, blank=True, help_text="Date and time. Empty for a rule without an end.")

    class Meta:
        ordering = ["category", "action", "place", "id"]
        indexes = [models.Index(fields=["category", "place", "id"], name="rule_by_category")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends=None) | Q(ends__gt=F("starts")),
                name="rule_ends_after_it_starts",
                violation_error_message="It must end after it starts.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.product} in {self.category or 'all lists'}"

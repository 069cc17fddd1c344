"""What build_recommendations stores. Builds are numbered; readers read the active one and nothing else."""

from django.db import models
from django.db.models import Q

# Places that are kept, of all products and of those of each category.
MOST_POPULAR, MOST_POPULAR_OF_CATEGORY = 1000, 200


class Build(models.Model):
    """One run. ``source`` says what it was made of, ``figures`` what came of it and how long each stage took."""

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
    """The products most like one product, best first, in a row: a request reads twenty of them.

    ``others`` is the JSON of lists of equal length: ``products`` (ids), ``scores``, ``from_reviews`` (the part of the
    score that comes from the reviewers) and ``trends`` (reviews of late). It is text, as nobody asks the database for
    what is in it, and a JSON column takes a build twice as long. There is no constraint to the products: one that is
    deleted is missing where its neighbours are shown, and gone with the next build.
    """

    build = models.ForeignKey(Build, models.CASCADE, db_index=False)
    product = models.BigIntegerField()
    others = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["build", "product"], name="neighbours_once_per_build")]

    def __str__(self) -> str:
        return f"neighbours of {self.product} in build {self.build_id}"


class Popular(models.Model):
    """A product's place among those of one of its categories, or of all where ``category`` is empty.

    ``score`` counts its reviews, each halved by its age.
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

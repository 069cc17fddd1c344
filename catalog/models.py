"""Product and Review. Rules are constraints of the database, so that no writer can bypass them."""

from datetime import UTC, datetime

from django.core.validators import MaxLengthValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q, Value

from catalog import rules

# Every product starts at 3.5 stars with the weight of five reviews, so that a single five-star review does not outrank
# two hundred good ones.
PRIOR_REVIEWS = 5
PRIOR_RATING = 3.5
# A product that is not listed is in no list; one that is out of stock is in no recommendation and no ad.
LISTED = "is_listed = TRUE"
AVAILABLE = "is_listed = TRUE AND in_stock = TRUE"
is_available = Q(is_listed=True, in_stock=True)
# Only published reviews are served, counted and learned from.
PUBLISHED = "state = 'published'"
is_published = Q(state="published")


class Product(models.Model):
    """A product of the shop, identified by its asin.

    Database triggers maintain the table of words and categories that searches use (migration 0008), and
    ``review_count`` and ``rating_total`` of published reviews (0010).
    """

    asin = models.CharField(max_length=rules.MAX_ASIN, unique=True, validators=[rules.asin_validator()])
    title = models.CharField(max_length=rules.MAX_TITLE, blank=True)
    description = models.TextField(blank=True, validators=[MaxLengthValidator(rules.MAX_TEXT)])
    im_url = models.CharField(
        "picture URL", max_length=rules.MAX_URL, blank=True, validators=[rules.PictureURLValidator()]
    )
    related = models.JSONField(default=dict, blank=True, help_text="Object of asin lists, such as also_bought.")
    sales_rank = models.JSONField(default=dict, blank=True, help_text="Object of category to rank.")
    categories = models.JSONField(default=list, blank=True, help_text="List of names, widest first.")
    leaf_category = models.CharField(max_length=rules.MAX_NAME, blank=True, editable=False)
    brand = models.CharField(max_length=rules.MAX_NAME, blank=True)
    price = models.DecimalField(
        max_digits=rules.PRICE_DIGITS,
        decimal_places=rules.PRICE_PLACES,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    # With defaults of the database, so that a process of an earlier release can go on inserting.
    is_listed = models.BooleanField(
        "listed", default=True, db_default=True, help_text="Whether lists, recommendations and ads may show it."
    )
    in_stock = models.BooleanField(
        default=True, db_default=True, help_text="Whether recommendations and ads may show it."
    )
    review_count = models.PositiveIntegerField(default=0, editable=False)
    rating_total = models.PositiveIntegerField(default=0, editable=False)
    smoothed_rating = models.GeneratedField(
        expression=(F("rating_total") + Value(PRIOR_RATING * PRIOR_REVIEWS))
        / (F("review_count") + Value(float(PRIOR_REVIEWS))),
        output_field=models.FloatField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["id"]  # of querysets; rows.page has the order of the API's pages
        indexes = [
            models.Index(fields=["id"], condition=Q(is_listed=True), name="product_listed"),
            models.Index(
                *(F("is_listed"), F("in_stock"), F("smoothed_rating").desc(), F("id")), name="product_by_rating"
            ),
            models.Index(
                *(F("leaf_category"), F("is_listed"), F("in_stock"), F("smoothed_rating").desc(), F("id")),
                name="product_by_category_rating",
            ),
            models.Index(fields=["brand"], name="product_by_brand"),
            models.Index(*(F("is_listed"), F("smoothed_rating"), F("id")), name="product_listed_by_rating"),
            models.Index(*(F("is_listed"), F("review_count"), F("id")), name="product_by_reviews"),
        ]
        constraints = [
            models.CheckConstraint(name="product_asin_not_empty", condition=~Q(asin="")),
            models.CheckConstraint(name="product_price_not_negative", condition=Q(price__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.asin} {self.title}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.leaf_category = leaf_category(self.categories)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Withdrawal(models.Model):
    """A product that was taken off the lists, went out of stock or was deleted, and what it is since then.

    Database triggers write it (migration 0007). Each product has one row at most, for its last change. ``xid`` is the
    transaction on PostgreSQL; on SQLite, which has one writer at a time, it counts the changes.

    A review that is published no longer, or again, has a row too (migration 0010). Its ``asin`` is ``review_key`` of
    its id, and it is listed and in stock while it is published.
    """

    asin = models.CharField(max_length=rules.MAX_ASIN, primary_key=True)
    is_listed = models.BooleanField()
    in_stock = models.BooleanField()
    xid = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["xid", "asin"], name="withdrawal_by_xid")]

    def __str__(self) -> str:
        return f"{self.asin}, {'listed' if self.is_listed else 'not listed'}"


def review_key(number: int) -> str:
    """The name of a review among the withdrawals. No asin has a slash."""
    return f"review/{number}"


def leaf_category(categories: list[str]) -> str:
    """The narrowest category, which filters products and selects ads; empty without categories."""
    return categories[-1] if categories else ""


class ReviewState(models.TextChoices):
    """What the shop has decided about a review."""

    PENDING = "pending"
    PUBLISHED = "published"
    REJECTED = "rejected"


class Review(models.Model):
    """One reviewer's opinion of one product. ``product_id`` is the product's asin."""

    reviewer_id = models.CharField("reviewer", max_length=rules.MAX_REVIEWER)
    product = models.ForeignKey(
        Product, models.CASCADE, to_field="asin", db_column="asin", db_index=False, related_name="reviews"
    )
    reviewer_name = models.CharField(max_length=rules.MAX_NAME, blank=True)
    helpful_votes = models.PositiveIntegerField(default=0)
    total_votes = models.PositiveIntegerField(default=0)
    review_text = models.TextField(blank=True, validators=[MaxLengthValidator(rules.MAX_TEXT)])
    overall = models.PositiveSmallIntegerField("rating", choices=[(stars, "★" * stars) for stars in range(1, 6)])
    summary = models.CharField(max_length=rules.MAX_TITLE, blank=True)
    unix_review_time = models.BigIntegerField("time", help_text="Seconds since 1970, UTC.")
    # With defaults of the database, as those of Product.
    verified = models.BooleanField(
        default=False, db_default=False, help_text="Whether the reviewer has bought the product."
    )
    state = models.CharField(
        max_length=9, choices=ReviewState, default=ReviewState.PUBLISHED, db_default=ReviewState.PUBLISHED
    )
    reply = models.TextField(
        blank=True,
        default="",
        db_default="",
        validators=[MaxLengthValidator(rules.MAX_TEXT)],
        help_text="The shop's answer, which readers see below the review.",
    )

    class Meta:
        ordering = ["id"]  # of querysets; rows.page has the order of the API's pages
        permissions = [("post_for_others", "Can post reviews for others, and set their votes and times")]
        indexes = [
            models.Index(fields=["product", "id"], name="review_by_product"),
            models.Index(fields=["reviewer_id", "id"], name="review_by_reviewer"),
            models.Index(fields=["reviewer_id", "-unix_review_time", "-id"], name="review_by_reviewer_time"),
            # The orders of the API's pages. The last columns are for its filters, which need not look at the rows.
            *(
                models.Index(fields=[*scope, *order], condition=is_published, name=f"{name}_{order_name}")
                for name, scope in (("review_by", []), ("review_of_product_by", ["product"]))
                for order_name, order in (
                    ("time", ["unix_review_time", "id", "overall", "verified"]),
                    ("votes", ["helpful_votes", "id", "overall", "verified"]),
                    ("rating", ["overall", "id", "verified"]),
                )
            ),
            models.Index(
                *(F("product"), F("overall"), F("helpful_votes").desc(), F("id")),
                condition=is_published,
                name="review_of_product_helpful",
            ),
            models.Index(fields=["state", "id"], condition=~is_published, name="review_not_published"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reviewer_id", "product"], name="review_once_per_product"),
            models.CheckConstraint(name="review_reviewer_not_empty", condition=~Q(reviewer_id="")),
            models.CheckConstraint(name="review_overall_1_to_5", condition=Q(overall__range=(1, 5))),
            models.CheckConstraint(name="review_state_known", condition=Q(state__in=ReviewState.values)),
            models.CheckConstraint(
                name="review_helpful_of_total",
                condition=Q(helpful_votes__gte=0, total_votes__gte=F("helpful_votes")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer_id} on {self.product_id}: {self.overall}"

    @property
    def review_time(self) -> str:
        return day_of(self.unix_review_time)


class HelpfulVote(models.Model):
    """A user who found a review helpful: each user counts once for each review.

    Users are known by name, as reviewers are. The database deletes votes along with their review, so that an earlier
    release, which does not know of votes, can go on deleting reviews.
    """

    review = models.ForeignKey(Review, models.DO_NOTHING, db_index=False, related_name="+")
    voter = models.CharField(max_length=rules.MAX_USER_NAME)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["review", "voter"], name="helpful_vote_once")]

    def __str__(self) -> str:
        return f"{self.voter} on review {self.review_id}"


def day_of(seconds: int) -> str:
    """The UTC day as the data sets write it: month, unpadded day, year, as in ``"02 8, 2014"``."""
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day:%m} {day.day}, {day.year}"

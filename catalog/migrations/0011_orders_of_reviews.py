"""Indexes for the orders of the API's pages, and for the list of reviews that wait. Writers wait for them, readers do not."""

from django.db import migrations, models
from django.db.models import F, Q

PUBLISHED = Q(state="published")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_moderated_reviews")]

    operations = [
        *(
            migrations.AddIndex(
                "review", models.Index(fields=[*scope, *order], condition=PUBLISHED, name=f"{name}_{order_name}")
            )
            for name, scope in (("review_by", []), ("review_of_product_by", ["product"]))
            for order_name, order in (
                ("time", ["unix_review_time", "id", "overall", "verified"]),
                ("votes", ["helpful_votes", "id", "overall", "verified"]),
                ("rating", ["overall", "id", "verified"]),
            )
        ),
        migrations.AddIndex(
            "review",
            models.Index(
                *(F("product"), F("overall"), F("helpful_votes").desc(), F("id")),
                condition=PUBLISHED,
                name="review_of_product_helpful",
            ),
        ),
        migrations.AddIndex(
            "review", models.Index(fields=["state", "id"], condition=~PUBLISHED, name="review_not_published")
        ),
    ]

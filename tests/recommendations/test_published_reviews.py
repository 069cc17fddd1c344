"""Builds, exports, evaluations and lists learn from published reviews only."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from catalog.models import Product, Review
from recommendations import builds, repository
from recommendations.engines import export
from recommendations.evaluation import data
from recommendations.models import Popular
from tests.recommendations.conftest import review

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hidden(shop: None) -> None:
    """All reviews of the popular chair wait, and those of two pens are rejected."""
    Review.objects.filter(product_id="CHAIR7").update(state="pending")
    Review.objects.filter(product_id__in=["PEN0", "PEN1"]).update(state="rejected")


def test_a_build_counts_published_reviews(hidden: None) -> None:
    call_command("build_recommendations", verbosity=0)
    build = builds.active()
    assert build
    assert build.figures["reviews"] == 24
    counted = {
        Product.objects.get(pk=number).asin
        for number, score in Popular.objects.filter(build=build, category="").values_list("product", "score")
        if score
    }
    assert counted == {f"PEN{number}" for number in range(2, 10)}


def test_a_decision_makes_the_next_build_due(hidden: None) -> None:
    before = builds.source()["reviews"]
    Review.objects.filter(state="pending").update(state="published")
    assert before["count"] == 24
    assert builds.source()["reviews"]["count"] == 33


def test_exports_and_evaluations_have_published_reviews(hidden: None, tmp_path: Path) -> None:
    assert export.reviews().count() == 24
    assert sum(len(products) for products in data.from_database().reviews.values()) == 24
    parquet = pytest.importorskip("pyarrow.parquet")
    export.to_parquet(tmp_path, lambda rows: None)
    assert parquet.read_table(tmp_path / "reviews.parquet").num_rows == 24
    assert export.source(tmp_path)["reviews"]["count"] == 24


def test_a_reviewers_list_follows_published_reviews(client: Client, shop: None) -> None:
    asked: dict[str, Any] = {"limit": 5, "category": None, "exclude": (), "diverse": False, "include_seen": False}

    def asins() -> list[str]:
        return [each.product.asin for each in repository.for_reviewer(reviewer_id="new", **asked)]

    popular = asins()
    review("new", "PEN2")
    followed = asins()
    assert followed[0] == "PEN3"
    assert "PEN2" not in followed
    Review.objects.filter(reviewer_id="new").update(state="pending")
    assert asins() == popular

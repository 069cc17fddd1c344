"""remove_demo deletes the demo and nothing else."""

import io

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Product, Review
from tests.catalog.test_seed_demo import seed

pytestmark = pytest.mark.django_db
SIZE = ("--products=40", "--reviewers=30")


def remove(*words: str) -> str:
    out = io.StringIO()
    call_command("remove_demo", *words, stdout=out)
    return out.getvalue()


def review(asin: str, reviewer: str = "A1") -> Review:
    return Review.objects.create(reviewer_id=reviewer, product_id=asin, overall=5, unix_review_time=1)


def test_it_removes_the_whole_demo_for_any_host_of_pictures() -> None:
    seed(*SIZE, "--base-url=https://shop.example:8443/x/")
    reviews = Review.objects.count()
    kept = "kept: 0 of its products that were changed, 0 that others have reviewed, 0 that have rules of the staff\n"
    done = f"40 products and {reviews} reviews of the demo"
    assert remove(*SIZE, "--dry-run") == f"{done} would be deleted; {kept}"
    assert (Product.objects.count(), Review.objects.count()) == (40, reviews)
    assert remove(*SIZE) == f"{done} deleted; {kept}"
    assert not Product.objects.exists()
    assert not Review.objects.exists()
    assert remove(*SIZE).startswith("0 products and 0 reviews")


def test_rows_that_are_not_of_the_demo_stay() -> None:
    seed(*SIZE)
    asins = list(Product.objects.order_by("pk").values_list("asin", flat=True))
    Product.objects.create(asin="D0REAL", title="Pen")
    kept = {review("D0REAL"), review(asins[0])}
    Product.objects.filter(asin=asins[1]).update(price="1.23")
    Product.objects.filter(asin=asins[2]).update(im_url="https://shop.example/pen.png")
    Product.objects.filter(asin=asins[3]).update(related={})
    edited = Review.objects.filter(product_id=asins[4])[:1].get()
    Review.objects.filter(pk=edited.pk).update(summary="Edited")
    Review.objects.filter(product_id=asins[5]).update(total_votes=9, helpful_votes=9)
    kept_for = "3 of its products that were changed, 2 that others have reviewed, 0 that have rules of the staff"
    assert remove(*SIZE).endswith(f"kept: {kept_for}\n")
    assert set(Product.objects.values_list("asin", flat=True)) == {"D0REAL", *asins[:5]}
    assert set(Review.objects.all()) == kept | {edited}
    assert Product.objects.get(asin=asins[0]).review_count == 1


def test_a_shop_of_other_options_is_left_alone() -> None:
    seed(*SIZE, "--seed=2")
    assert remove(*SIZE).startswith("0 products and 0 reviews")
    assert Product.objects.count() == 40


def test_sizes_out_of_range_are_refused() -> None:
    with pytest.raises(CommandError, match="--products: must be from 1 to 100000"):
        remove("--products=0")

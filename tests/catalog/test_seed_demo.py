import io
import random
from collections import Counter
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from catalog.demo.pictures import KINDS
from catalog.demo.products import make_products
from catalog.demo.reviews import make_reviews
from catalog.models import Product, Review


def seed(*words: str) -> str:
    out = io.StringIO()
    call_command("seed_demo", *words, stdout=out)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.django_db
def test_the_shop_is_whole_and_a_second_run_changes_nothing(client: Client) -> None:
    assert seed().startswith("products: 1200 created, 0 updated, 0 unchanged; reviews: ")
    reviews = Review.objects.count()
    unchanged = "0 created, 0 updated, {} unchanged".format
    assert seed() == f"products: {unchanged(1200)}; reviews: {unchanged(reviews)}\n"
    products = list(Product.objects.all())
    asins = {product.asin for product in products}
    assert len({product.title for product in products}) == 1200
    for product in products:
        assert {asin for listed in product.related.values() for asin in listed} <= asins - {product.asin}
        assert product.leaf_category == product.categories[-1]
    for url in {product.im_url for product in products}:
        response = client.get(url.removeprefix("http://localhost:8000"))
        assert response["Content-Type"] == "image/svg+xml"
        ElementTree.fromstring(response.content)


@pytest.mark.django_db
def test_if_empty_leaves_a_shop_alone() -> None:
    Product.objects.create(asin="MINE")
    assert seed("--if-empty") == "There are products already; nothing was seeded.\n"
    assert Product.objects.count() == 1


@pytest.mark.django_db
def test_pictures_are_where_browsers_find_the_recommender(settings: Settings) -> None:
    settings.RECOMMENDER_PUBLIC_URL = "https://shop.example"
    seed("--products", "2", "--reviewers", "2")
    seed("--products", "1", "--reviewers", "1", "--seed", "2", "--base-url", "https://other.example/")
    hosts = Counter(product.im_url.partition("/pictures/")[0] for product in Product.objects.all())
    assert hosts == {"https://shop.example": 2, "https://other.example": 1}


@pytest.mark.django_db
def test_pictures_move_with_the_recommender_on_this_machine() -> None:
    seed("--products", "2", "--reviewers", "2", "--base-url", "http://localhost:8000")
    theirs = Product.objects.create(asin="MINE", im_url="https://cdn.example/pictures/pen-3.svg")
    told = seed("--if-empty", "--base-url", "http://localhost:9000")
    assert told.endswith("nothing was seeded; 2 pictures are at http://localhost:9000 now.\n")
    hosts = Counter(product.im_url.partition("/pictures/")[0] for product in Product.objects.all())
    assert hosts == {"http://localhost:9000": 2, "https://cdn.example": 1}
    assert theirs.im_url == Product.objects.get(asin="MINE").im_url
    assert seed("--if-empty", "--base-url", "http://localhost:9000").endswith("nothing was seeded.\n")


@pytest.mark.django_db
def test_a_dry_run_writes_nothing() -> None:
    assert seed("--dry-run", "--products", "50", "--reviewers", "20").startswith(
        "Nothing was written. Without --dry-run: products: 50 created"
    )
    assert not Product.objects.exists()


@pytest.mark.parametrize(("flag", "value"), [("--products", "0"), ("--reviewers", "-1"), ("--base-url", "ftp://x")])
def test_a_flag_that_cannot_be_used_is_named(flag: str, value: str) -> None:
    with pytest.raises(CommandError, match=flag):
        seed(flag, value)


def test_equal_seeds_make_equal_shops_and_different_seeds_different_ones() -> None:
    def shop(seed: int) -> list[tuple[str, str, str]]:
        rng = random.Random(seed)
        made = make_products(rng, 100, "http://x")
        return [(each.reviewer_id, each.product_id, each.review_text) for each in make_reviews(rng, made, 50)]

    assert shop(1) == shop(1)
    assert shop(1) != shop(2)


@pytest.mark.slow
def test_reviewers_have_tastes_and_shops_have_favorites() -> None:
    rng = random.Random(1)
    made = make_products(rng, 600, "http://x")
    kind_of = {each.product.asin: each.kind.category for each in made}
    reviews = make_reviews(rng, made, 1000)
    stars = Counter(review.overall for review in reviews)
    assert stars[5] > stars[4] > stars[3] > stars[2] + stars[1] > 0
    assert len({review.review_text for review in reviews}) > 0.95 * len(reviews)
    assert len({(review.reviewer_id, review.product_id) for review in reviews}) == len(reviews)
    # A reviewer's most bought kind takes far more than its share of what they buy.
    baskets: dict[str, list[str]] = {}
    for review in reviews:
        baskets.setdefault(review.reviewer_id, []).append(kind_of[review.product_id])
    favorite_share = sum(Counter(basket).most_common(1)[0][1] for basket in baskets.values()) / len(reviews)
    assert favorite_share > 5 / len(set(kind_of.values()))
    # The tenth of the products that is liked best takes over a third of the reviews.
    popular = Counter(review.product_id for review in reviews).most_common(60)
    assert sum(count for _, count in popular) > len(reviews) / 3


@pytest.mark.parametrize("name", ["pen-360", "pen", "nothing-10", "pen--1", "pen-1.svg", "<script>-1"])
def test_an_unknown_picture_is_404(name: str, client: Client) -> None:
    assert client.get(f"/pictures/{name}.svg").status_code == 404


def test_there_is_a_picture_of_every_kind() -> None:
    assert {each.kind.picture for each in make_products(random.Random(1), 200, "http://x")} <= KINDS

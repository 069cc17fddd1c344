import time
from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog.models import Product, Review
from tests.catalog.conftest import may

pytestmark = pytest.mark.django_db


def test_a_review_has_the_wire_shape(anybody: APIClient, pen: Product) -> None:
    review = Review.objects.create(
        reviewer_id="R1",
        product=pen,
        reviewer_name="Ann",
        helpful_votes=2,
        total_votes=3,
        review_text="It writes.",
        overall=4,
        summary="Good",
        unix_review_time=1_391_817_600,
    )
    assert anybody.get("/reviews").json() == [
        {
            "id": review.pk,
            "reviewerID": "R1",
            "asin": pen.asin,
            "product_id": pen.asin,  # the same by its older name
            "reviewerName": "Ann",
            "helpful": [2, 3],
            "reviewText": "It writes.",
            "overall": 4,
            "summary": "Good",
            "unixReviewTime": 1_391_817_600,
            "reviewTime": "02 8, 2014",
            "verified": False,
            "reply": "",
            "state": "published",
        }
    ]


def test_it_filters_by_product_and_reviewer_with_one_query(
    anybody: APIClient,
    pen: Product,
    products: list[Product],
    review_of: Callable[..., Review],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    by_one, by_two = review_of("R1"), review_of("R2")
    elsewhere = review_of("R1", product=products[0])

    def ids(query: str) -> list[int]:
        with django_assert_num_queries(1):
            return [each["id"] for each in anybody.get(f"/reviews{query}").json()]

    assert ids("") == [by_one.pk, by_two.pk, elsewhere.pk]
    assert ids(f"?asin={pen.asin}") == [by_one.pk, by_two.pk]
    assert ids("?reviewerID=R1") == [by_one.pk, elsewhere.pk]
    assert ids(f"?reviewerID=R1&asin={pen.asin}") == [by_one.pk]
    assert ids("?asin=D404") == []


def test_a_products_reviews_are_paged(anybody: APIClient, pen: Product, review_of: Callable[..., Review]) -> None:
    made = [review_of(f"R{n}").pk for n in range(5)]
    first = anybody.get(f"/products/{pen.asin}/reviews?limit=3")
    assert [each["id"] for each in first.json()] == made[:3]
    second = anybody.get(first["Link"].removeprefix("<").removesuffix('>; rel="next"'))
    assert [each["id"] for each in second.json()] == made[3:]
    assert "Link" not in second


def test_reviews_of_an_unknown_product_are_404_and_of_an_unreviewed_one_empty(anybody: APIClient, pen: Product) -> None:
    assert anybody.get("/products/D404/reviews").status_code == 404
    assert anybody.get(f"/products/{pen.asin}/reviews").json() == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("asin=a%20b", "asin"),
        ("asin=%00", "asin"),
        ("asin=", "asin"),
        ("reviewerID=%00", "reviewerID"),
        ("reviewerID=", "reviewerID"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
    ],
)
def test_it_names_a_parameter_that_cannot_be_used(query: str, parameter: str, anybody: APIClient) -> None:
    response = anybody.get(f"/reviews?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [parameter]


def test_a_signed_in_user_posts_under_their_own_name(shopper: APIClient, pen: Product) -> None:
    before = int(time.time())
    response = shopper.post("/reviews", {"asin": pen.asin, "overall": 5, "reviewText": "It writes."}, "json")
    assert response.status_code == 201
    body = response.json()
    assert (body["reviewerID"], body["helpful"], body["reviewText"]) == ("anna", [0, 0], "It writes.")
    assert body["unixReviewTime"] >= before
    assert shopper.get("/reviews").json() == [body]


def test_a_review_counts_for_its_product_at_once(shopper: APIClient, pen: Product) -> None:
    shopper.post("/reviews", {"asin": pen.asin, "overall": 4}, "json")
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (1, 4)


def test_a_second_review_of_one_product_is_409(shopper: APIClient, pen: Product) -> None:
    review = {"asin": pen.asin, "overall": 5}
    assert shopper.post("/reviews", review, "json").status_code == 201
    response = shopper.post("/reviews", review | {"overall": 1}, "json")
    assert response.status_code == 409
    assert response.json() == {"detail": f"anna has reviewed {pen.asin} already."}
    assert Review.objects.get().overall == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("asin", "D404"),
        ("asin", "no spaces"),
        ("asin", 12.5),
        ("overall", 0),
        ("overall", 6),
        ("overall", 4.5),
        ("overall", None),
        ("overall", "five"),
        ("helpful", [3, 2]),
        ("helpful", [1]),
        ("helpful", [-1, 2]),
        ("helpful", "[1, 2]"),
        ("reviewerID", ""),
        ("reviewerID", "x" * 65),
        ("reviewerID", "nul \0"),
        ("reviewText", "x" * 100_001),
        ("summary", ["a"]),
        ("unixReviewTime", -1),
        ("unixReviewTime", 10**30),
    ],
)
def test_it_names_a_field_that_cannot_be_used(field: str, value: object, shopper: APIClient, pen: Product) -> None:
    response = shopper.post("/reviews", {"asin": pen.asin, "overall": 5, field: value}, "json")
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert not Review.objects.exists()


CLAIMS: dict[str, object] = {"reviewerID": "mallory", "helpful": [7, 9], "unixReviewTime": 0}


@pytest.mark.parametrize("field", CLAIMS)
def test_only_who_may_post_for_others_sets_it(field: str, shopper: APIClient, staff: APIClient, pen: Product) -> None:
    for client in (shopper, staff):
        response = client.post("/reviews", {"asin": pen.asin, "overall": 5, field: CLAIMS[field]}, "json")
        assert response.status_code == 403
        assert list(response.json()) == ["detail", field]
        assert "catalog.post_for_others" in response.json()["detail"]
    assert not Review.objects.exists()


def test_every_field_that_requires_the_permission_is_named(shopper: APIClient, pen: Product) -> None:
    response = shopper.post("/reviews", {"asin": pen.asin, "overall": 5, **CLAIMS}, "json")
    assert list(response.json()) == ["detail", *CLAIMS]


@pytest.mark.parametrize("helpful", [[0, 1], [1, 1]])
def test_a_vote_is_a_vote(shopper: APIClient, pen: Product, helpful: list[int]) -> None:
    assert shopper.post("/reviews", {"asin": pen.asin, "overall": 5, "helpful": helpful}, "json").status_code == 403


def test_who_may_post_for_others_sets_all_of_it(pen: Product) -> None:
    response = may("shop", "post_for_others").post("/reviews", {"asin": pen.asin, "overall": 5, **CLAIMS}, "json")
    assert response.status_code == 201
    assert {name: response.json()[name] for name in CLAIMS} == CLAIMS
    review = Review.objects.get()
    assert (review.reviewer_id, review.helpful_votes, review.total_votes) == ("mallory", 7, 9)


def test_who_may_post_for_others_posts_as_themselves_unless_they_say_so(pen: Product) -> None:
    response = may("shop", "post_for_others").post("/reviews", {"asin": pen.asin, "overall": 5}, "json")
    assert (response.json()["reviewerID"], response.json()["helpful"]) == ("shop", [0, 0])


def test_default_values_require_no_permission(shopper: APIClient, pen: Product) -> None:
    own = {"asin": pen.asin, "overall": 5, "reviewerID": "anna", "helpful": [0, 0]}
    assert shopper.post("/reviews", own, "json").status_code == 201


def test_an_own_review_checks_no_permission(
    shopper: APIClient, pen: Product, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):  # a savepoint, the product, the review, the savepoint's end
        assert shopper.post("/reviews", {"asin": pen.asin, "overall": 5}, "json").status_code == 201


def test_a_user_name_that_is_too_long_for_a_reviewer_is_named(pen: Product) -> None:
    response = may("n" * 65).post("/reviews", {"asin": pen.asin, "overall": 5}, "json")
    assert (response.status_code, list(response.json())) == (400, ["reviewerID"])
    assert may("m" * 64).post("/reviews", {"asin": pen.asin, "overall": 5}, "json").status_code == 201


def test_an_anonymous_post_is_refused(anybody: APIClient, pen: Product) -> None:
    assert anybody.post("/reviews", {"asin": pen.asin, "overall": 5}, "json").status_code == 401


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "3"])
def test_a_body_that_is_not_an_object_is_400(body: str, shopper: APIClient) -> None:
    assert shopper.generic("POST", "/reviews", body, "application/json").status_code == 400


def test_the_older_name_of_the_asin_cannot_be_written(shopper: APIClient, pen: Product) -> None:
    posted = shopper.post("/reviews", {"asin": pen.asin, "overall": 4, "product_id": "ANOTHER"}, format="json")
    assert (posted.status_code, posted.json()["product_id"]) == (201, pen.asin)
    assert shopper.post("/reviews", {"product_id": pen.asin, "overall": 4}, format="json").json().keys() == {"asin"}

"""Authors and the staff change and delete reviews, and others find them helpful."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from catalog import review_repository
from catalog.models import HelpfulVote, Product, Review
from resilience import breakers
from tests.catalog.conftest import may
from tests.conftest import CutCommit

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(review_of: Callable[..., Review]) -> Review:
    """A review by the shopper."""
    return review_of("anna", 3)


@pytest.fixture
def bert(db: None) -> APIClient:
    """Another user without permissions."""
    client = APIClient()
    client.force_authenticate(User.objects.create_user("bert"))
    return client


def path(review: Review) -> str:
    return f"/reviews/{review.pk}"


def test_anybody_reads_one_review_with_one_query(
    anybody: APIClient, own: Review, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        shown = anybody.get(path(own)).json()
    assert shown == anybody.get("/reviews").json()[0]
    assert [*shown][-3:] == ["verified", "reply", "state"]


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_review_that_is_not_there_is_404(shopper: APIClient, method: str) -> None:
    assert getattr(shopper, method)("/reviews/7").status_code == 404
    assert shopper.post("/reviews/7/helpful").status_code == 404


@pytest.mark.parametrize("number", ["x", "0", "-1", "1.5", str(2**63)])
def test_an_id_that_cannot_be_one_is_named(shopper: APIClient, number: str) -> None:
    for response in (shopper.get(f"/reviews/{number}"), shopper.post(f"/reviews/{number}/helpful")):
        assert (response.status_code, [*response.json()]) == (400, ["id"])


def test_in_an_outage_one_review_is_stale_or_a_stand_in_without_a_rating(
    anybody: APIClient, own: Review, lose_database: Callable[[], None]
) -> None:
    live = anybody.get(path(own)).json()
    lose_database()
    stale = anybody.get(path(own))
    assert (stale["X-Data-Source"], stale.json()) == ("stale", live)
    default = anybody.get("/reviews/99999")
    assert (default.status_code, default["X-Data-Source"]) == (200, "default")
    assert (default.json()["id"], default.json()["overall"], default.json()["unixReviewTime"]) == (99999, None, None)
    assert [*default.json()] == [*live]


def test_an_author_changes_some_fields_and_the_rating_follows(shopper: APIClient, own: Review, pen: Product) -> None:
    Review.objects.update(helpful_votes=2, total_votes=3)
    response = shopper.patch(path(own), {"overall": 5, "reviewText": "It writes."}, "json")
    assert response.status_code == 200
    assert (response.json()["overall"], response.json()["reviewText"], response.json()["helpful"]) == (
        5,
        "It writes.",
        [2, 3],
    )
    assert shopper.get(path(own)).json() == response.json()
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (1, 5)


def test_what_was_read_can_be_sent_back(shopper: APIClient, own: Review) -> None:
    Review.objects.update(helpful_votes=2, total_votes=3, verified=True)
    shown = shopper.get(path(own)).json()
    assert shopper.patch(path(own), shown | {"summary": "New"}, "json").json() == shown | {"summary": "New"}


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_others_may_not(bert: APIClient, anybody: APIClient, own: Review, method: str) -> None:
    response = getattr(bert, method)(path(own), {"overall": 1}, "json")
    permission = {"patch": "catalog.change_review", "delete": "catalog.delete_review"}[method]
    assert response.status_code == 403
    assert permission in response.json()["detail"]
    assert getattr(anybody, method)(path(own), {"overall": 1}, "json").status_code == 401
    assert Review.objects.get().overall == 3


def test_staff_may_with_the_permission_for_it(own: Review) -> None:
    changer, deleter = may("cara", "change_review"), may("dora", "delete_review")
    assert deleter.patch(path(own), {"overall": 1}, "json").status_code == 403
    assert changer.delete(path(own)).status_code == 403
    assert changer.patch(path(own), {"summary": "Tidied"}, "json").json()["summary"] == "Tidied"
    assert deleter.delete(path(own)).status_code == 204
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({"asin": "D00001"}, 400, ["asin"]),
        ({"reviewerID": "bert"}, 400, ["reviewerID"]),
        ({"overall": 6}, 400, ["overall"]),
        ({"overall": None}, 400, ["overall"]),
        ({"helpful": [9, 9]}, 403, ["detail", "helpful"]),
        ({"unixReviewTime": 0}, 403, ["detail", "unixReviewTime"]),
        ({"verified": True, "summary": "x"}, 403, ["detail", "verified"]),
    ],
)
def test_a_field_that_an_author_cannot_change_is_named(
    shopper: APIClient, own: Review, fields: dict[str, Any], status: int, named: list[str]
) -> None:
    before = shopper.get(path(own)).json()
    response = shopper.patch(path(own), fields, "json")
    assert (response.status_code, [*response.json()]) == (status, named)
    assert shopper.get(path(own)).json() == before


def test_fields_of_the_shop_are_ignored(shopper: APIClient, own: Review) -> None:
    kept = shopper.patch(path(own), {"state": "rejected", "reply": "Thanks!", "id": 5}, "json").json()
    assert (kept["state"], kept["reply"], kept["id"]) == ("published", "", own.pk)


def test_who_may_post_for_others_says_who_is_verified(pen: Product) -> None:
    shop = may("shop", "post_for_others", "change_review")
    posted = shop.post("/reviews", {"asin": pen.asin, "overall": 5, "reviewerID": "R1", "verified": True}, "json")
    assert posted.json()["verified"] is True
    changed = shop.patch(f"/reviews/{posted.json()['id']}", {"verified": False, "helpful": [1, 2]}, "json").json()
    assert (changed["verified"], changed["helpful"]) == (False, [1, 2])


def test_an_author_deletes_a_review_and_may_write_another(shopper: APIClient, own: Review, pen: Product) -> None:
    assert shopper.delete(path(own)).status_code == 204
    assert shopper.get(path(own)).status_code == 404
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (0, 0)
    assert shopper.post("/reviews", {"asin": pen.asin, "overall": 1}, "json").status_code == 201


def test_a_helpful_vote_counts_once_for_each_user(shopper: APIClient, bert: APIClient, own: Review) -> None:
    Review.objects.update(helpful_votes=1, total_votes=4)
    response = bert.post(f"{path(own)}/helpful")
    assert (response.status_code, response.json()["helpful"]) == (200, [2, 5])
    again = bert.post(f"{path(own)}/helpful/")
    assert (again.status_code, again.json()) == (409, {"detail": "bert has voted for this review already."})
    assert shopper.post(f"{path(own)}/helpful").status_code == 403
    assert may("cara").post(f"{path(own)}/helpful").json()["helpful"] == [3, 6]
    assert APIClient().post(f"{path(own)}/helpful").status_code == 401
    assert bert.get(f"{path(own)}/helpful").status_code == 405


def test_votes_stop_at_the_largest_number(bert: APIClient, own: Review) -> None:
    Review.objects.update(total_votes=2**31 - 1)
    assert bert.post(f"{path(own)}/helpful").json()["helpful"] == [0, 2**31 - 1]


def test_votes_go_with_their_review_and_their_product(bert: APIClient, own: Review, pen: Product) -> None:
    bert.post(f"{path(own)}/helpful")
    assert HelpfulVote.objects.count() == 1
    pen.delete()
    assert not HelpfulVote.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestInDoubt:
    """The connection is lost during the commit, which is carried out."""

    def test_a_change_that_is_found_stored_is_200(self, shopper: APIClient, own: Review, cut_commit: CutCommit) -> None:
        cut_commit()
        assert shopper.patch(path(own), {"overall": 5}, "json").json()["overall"] == 5

    def test_a_later_change_by_somebody_else_stays(
        self, shopper: APIClient, own: Review, cut_commit: CutCommit
    ) -> None:
        cut_commit(lambda: review_repository.update_review(number=own.pk, fields={"overall": 1}))
        response = shopper.patch(path(own), {"overall": 5}, "json")
        assert response.status_code == 503
        assert "may or may not" in response.json()["detail"]
        assert Review.objects.get().overall == 1
        assert breakers.database_breaker().describe()["failures"] == 0

    def test_a_review_that_is_gone_is_deleted(self, shopper: APIClient, own: Review, cut_commit: CutCommit) -> None:
        cut_commit()
        assert shopper.delete(path(own)).status_code == 204
        assert not Review.objects.exists()

    def test_a_vote_counts_once(self, bert: APIClient, own: Review, cut_commit: CutCommit) -> None:
        cut_commit()
        assert bert.post(f"{path(own)}/helpful").json()["helpful"] == [1, 1]
        assert Review.objects.get().total_votes == 1

    def test_a_write_in_an_outage_is_503(
        self, shopper: APIClient, own: Review, lose_database: Callable[[], None]
    ) -> None:
        lose_database()
        for response in (
            shopper.patch(path(own), {"overall": 5}, "json"),
            shopper.delete(path(own)),
            shopper.post(f"{path(own)}/helpful"),
        ):
            assert response.status_code == 503
            assert response["Retry-After"]

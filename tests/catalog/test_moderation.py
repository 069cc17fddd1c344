"""Pending, published and rejected reviews: who sees them, what counts them, and what becomes of kept answers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client
from rest_framework.test import APIClient

from catalog import withdrawals as module
from catalog.models import Product, Review, ReviewState, Withdrawal
from tests.catalog.conftest import may

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN = [ReviewState.PENDING, ReviewState.REJECTED]


@pytest.fixture(autouse=True)
def nothing_withdrawn() -> None:
    """On SQLite, to clear the tables after another test deletes its reviews."""
    Withdrawal.objects.all().delete()


@pytest.fixture
def moderator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def reviews(review_of: Callable[..., Review]) -> list[Review]:
    return [review_of("anna", 2), review_of("R1", 4), review_of("R2", 5)]


def decide(state: ReviewState, *chosen: Review) -> None:
    """As somebody else does, in another process."""
    Review.objects.filter(pk__in=[review.pk for review in chosen]).update(state=state)


def ids(client: APIClient, path: str) -> list[int]:
    return [each["id"] for each in client.get(path).json()]


@pytest.mark.parametrize("state", HIDDEN)
def test_only_published_reviews_are_served_except_to_their_author(
    anybody: APIClient, shopper: APIClient, reviews: list[Review], state: ReviewState
) -> None:
    own, other, last = reviews
    decide(state, own, other)
    for path in ("/reviews", "/reviews?sort=newest", "/products/0000000001/reviews", "/reviews?asin=0000000001"):
        assert ids(shopper, path) == [last.pk]
    assert ids(shopper, "/reviews?reviewerID=anna") == []
    assert [anybody.get(f"/reviews/{each.pk}").status_code for each in reviews] == [404, 404, 200]
    assert [shopper.get(f"/reviews/{each.pk}").status_code for each in reviews] == [200, 404, 200]
    assert shopper.get(f"/reviews/{own.pk}").json()["state"] == state


@pytest.mark.parametrize("state", HIDDEN)
def test_a_hidden_review_cannot_be_found_by_writing(
    shopper: APIClient, reviews: list[Review], state: ReviewState
) -> None:
    own, other, _ = reviews
    decide(state, own, other)
    assert shopper.patch(f"/reviews/{other.pk}", {"overall": 1}, "json").status_code == 404
    assert shopper.delete(f"/reviews/{other.pk}").status_code == 404
    assert shopper.post(f"/reviews/{other.pk}/helpful").status_code == 404
    assert shopper.post(f"/reviews/{own.pk}/helpful").status_code == 403
    assert may("cara", "change_review").patch(f"/reviews/{other.pk}", {"overall": 1}, "json").status_code == 200


def test_only_published_reviews_count(pen: Product, products: list[Product], review_of: Callable[..., Review]) -> None:
    def ratings() -> list[tuple[int, int]]:
        found = Product.objects.filter(asin__in=[pen.asin, "D00000"]).order_by("asin")
        return list(found.values_list("review_count", "rating_total"))

    first, second = review_of("R1", 5), review_of("R2", 2)
    third = Review.objects.create(reviewer_id="R3", product=pen, overall=1, unix_review_time=0, state="pending")
    assert ratings() == [(2, 7), (0, 0)]
    decide(ReviewState.REJECTED, first, third)
    assert ratings() == [(1, 2), (0, 0)]
    Review.objects.filter(pk=first.pk).update(overall=4)
    assert ratings() == [(1, 2), (0, 0)]
    Review.objects.filter(pk=first.pk).update(state="published", overall=3, product=products[0])
    assert ratings() == [(1, 2), (1, 3)]
    Review.objects.filter(pk=second.pk).update(state="pending", product=products[0])
    assert ratings() == [(0, 0), (1, 3)]
    Review.objects.filter(pk=third.pk).delete()
    assert ratings() == [(0, 0), (1, 3)]
    decide(ReviewState.PUBLISHED, second)
    assert ratings() == [(0, 0), (2, 5)]
    Review.objects.all().delete()
    assert ratings() == [(0, 0), (0, 0)]


def test_a_state_that_is_none_is_refused(reviews: list[Review]) -> None:
    with pytest.raises(IntegrityError):
        Review.objects.update(state="hidden")


def test_new_reviews_wait_where_the_shop_reads_them_first(shopper: APIClient, pen: Product, settings: Any) -> None:
    settings.REVIEWS_WAIT = True
    posted = shopper.post("/reviews", {"asin": pen.asin, "overall": 5}, "json")
    assert (posted.status_code, posted.json()["state"]) == (201, "pending")
    assert shopper.get("/reviews").json() == []
    assert shopper.get(f"/reviews/{posted.json()['id']}").json() == posted.json()
    assert shopper.post("/reviews", {"asin": pen.asin, "overall": 5}, "json").status_code == 409
    changer = may("cara", "change_review")
    assert changer.post("/reviews", {"asin": pen.asin, "overall": 3}, "json").json()["state"] == "published"
    pen.refresh_from_db()
    assert (pen.review_count, pen.rating_total) == (1, 3)


def test_a_changed_review_waits_again(
    shopper: APIClient, reviews: list[Review], settings: Any, lose_database: Callable[[], None]
) -> None:
    settings.REVIEWS_WAIT = True
    own, other, last = reviews
    path = f"/reviews/{own.pk}"
    unchanged = shopper.patch(path, {"overall": 2}, "json")
    assert unchanged.json()["state"] == "published"
    assert ids(shopper, "/reviews") == [own.pk, other.pk, last.pk]
    assert shopper.patch(path, {"reviewText": "Buy mine!"}, "json").json()["state"] == "pending"
    decide(ReviewState.REJECTED, own)
    assert shopper.patch(path, {"reviewText": "Sorry."}, "json").json()["state"] == "pending"
    decide(ReviewState.PUBLISHED, own)
    tidied = may("cara", "change_review").patch(path, {"reviewText": "Tidied"}, "json")
    assert tidied.json()["state"] == "published"


def by_the_admins_action(moderator: Client, review: Review) -> None:
    chosen = {"_selected_action": [review.pk], "action": "reject"}
    page = moderator.post("/admin/catalog/review/", chosen, follow=True).content.decode()
    assert "1 of 1 reviews were rejected." in page
    assert LogEntry.objects.get().change_message == "Rejected"


def by_the_admins_page(moderator: Client, review: Review) -> None:
    form = {"state": "pending", "reply": "We ask for proof."}
    assert moderator.post(f"/admin/catalog/review/{review.pk}/change/", form).status_code == 302


def by_deleting_in_the_admin(moderator: Client, review: Review) -> None:
    assert moderator.post(f"/admin/catalog/review/{review.pk}/delete/", {"post": "yes"}).status_code == 302


def by_deleting_many_in_the_admin(moderator: Client, review: Review) -> None:
    chosen = {"_selected_action": [review.pk], "action": "delete_selected", "post": "yes"}
    assert moderator.post("/admin/catalog/review/", chosen).status_code == 302


def by_deleting_in_the_api(moderator: Client, review: Review) -> None:
    assert may("dora", "delete_review").delete(f"/reviews/{review.pk}").status_code == 204


def by_changing_it(moderator: Client, review: Review) -> None:
    author = APIClient()
    author.force_authenticate(User.objects.create_user(review.reviewer_id))
    assert author.patch(f"/reviews/{review.pk}", {"overall": 1}, "json").json()["state"] == "pending"


WAYS = [
    by_the_admins_action,
    by_the_admins_page,
    by_deleting_in_the_admin,
    by_deleting_many_in_the_admin,
    by_deleting_in_the_api,
    by_changing_it,
]


@pytest.mark.parametrize("hide", WAYS)
def test_a_hidden_review_does_not_come_back_in_an_outage(
    anybody: APIClient,
    moderator: Client,
    reviews: list[Review],
    hide: Callable[[Client, Review], None],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    lose_database: Callable[[], None],
) -> None:
    settings.REVIEWS_WAIT = True
    monkeypatch.setattr(module, "SPREAD", 0.7)
    waits: list[float] = []
    monkeypatch.setattr("service.held_answers.time.sleep", waits.append)
    lists = ["/reviews", "/reviews?sort=-rating", "/products/0000000001/reviews"]
    kept = [review.pk for review in reviews[:2]]
    before = [ids(anybody, path) for path in lists]
    assert all(reviews[2].pk in found for found in before)
    assert anybody.get(f"/reviews/{reviews[2].pk}").json()["overall"] == 5
    hide(moderator, reviews[2])
    assert waits == [0.7]
    lose_database()
    for path in lists:
        response = anybody.get(path)
        assert response["X-Data-Source"] == "stale"
        assert {each["id"] for each in response.json()} == {*kept}
    alone = anybody.get(f"/reviews/{reviews[2].pk}")
    assert (alone["X-Data-Source"], alone.json()["overall"]) == ("default", None)


@pytest.mark.parametrize("state", HIDDEN)
def test_another_process_learns_of_it_from_the_database(
    anybody: APIClient, reviews: list[Review], state: ReviewState, lose_database: Callable[[], None]
) -> None:
    assert len(ids(anybody, "/reviews")) == 3
    anybody.get(f"/reviews/{reviews[0].pk}")
    decide(state, reviews[0])
    Review.objects.filter(pk=reviews[1].pk).delete()
    module.withdrawals.read()
    lose_database()
    assert ids(anybody, "/reviews") == [reviews[2].pk]
    assert anybody.get(f"/reviews/{reviews[0].pk}")["X-Data-Source"] == "default"


def test_what_is_published_again_is_in_kept_answers_again(
    anybody: APIClient, moderator: Client, reviews: list[Review], lose_database: Callable[[], None]
) -> None:
    every = ids(anybody, "/reviews")
    decide(ReviewState.REJECTED, reviews[0])
    module.withdrawals.read()
    chosen = {"_selected_action": [review.pk for review in reviews], "action": "publish"}
    page = moderator.post("/admin/catalog/review/", chosen, follow=True).content.decode()
    assert "1 of 3 reviews were published." in page
    lose_database()
    assert ids(anybody, "/reviews") == every


def test_what_readers_never_saw_is_not_noted(reviews: list[Review], pen: Product) -> None:
    Review.objects.update(helpful_votes=1, total_votes=1, state="published")
    waiting = Review.objects.create(reviewer_id="R3", product=pen, overall=1, unix_review_time=0, state="pending")
    decide(ReviewState.REJECTED, waiting)
    waiting.delete()
    assert not Withdrawal.objects.exists()
    Review.objects.all().delete()
    assert {each.asin for each in Withdrawal.objects.all()} == {f"review/{review.pk}" for review in reviews}


def test_what_is_forgotten_makes_older_answers_unusable(
    anybody: APIClient, reviews: list[Review], monkeypatch: pytest.MonkeyPatch, lose_database: Callable[[], None]
) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 1)
    paths = ["/reviews", f"/reviews/{reviews[0].pk}"]
    for path in paths:
        anybody.get(path)
    decide(ReviewState.REJECTED, *reviews)
    module.withdrawals.read()
    lose_database()
    assert [anybody.get(path)["X-Data-Source"] for path in paths] == ["default", "default"]


def test_the_staff_finds_what_waits_and_answers_it(
    anybody: APIClient, moderator: Client, reviews: list[Review]
) -> None:
    decide(ReviewState.PENDING, reviews[1])
    listed = moderator.get("/admin/catalog/review/?state__exact=pending").context["cl"].result_list
    assert [review.pk for review in listed] == [reviews[1].pk]
    url = f"/admin/catalog/review/{reviews[0].pk}/change/"
    assert 'name="overall"' not in moderator.get(url).content.decode()
    form = {"state": "published", "reply": "Thank you!", "overall": "5", "review_text": "forged"}
    assert moderator.post(url, form).status_code == 302
    shown = anybody.get(f"/reviews/{reviews[0].pk}").json()
    assert (shown["reply"], shown["overall"], shown["reviewText"]) == ("Thank you!", 2, "")


def test_deciding_takes_the_permission_to_change_reviews(reviews: list[Review]) -> None:
    client = Client()
    may("vera", "view_review", "delete_review")
    client.force_login(User.objects.get(username="vera"))
    chosen = {"_selected_action": [reviews[0].pk], "action": "reject"}
    client.post("/admin/catalog/review/", chosen, follow=True)
    client.post(f"/admin/catalog/review/{reviews[0].pk}/change/", {"state": "rejected", "reply": "x"})
    assert Review.objects.filter(state="published", reply="").count() == 3

"""Customers write reviews on the page of a product."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from catalog.models import Product, Review
from recommendations import repository
from tests.storefront.conftest import page_of

pytestmark = pytest.mark.django_db
PATH = "/item/0000000001"
TEXT = {"overall": 4, "summary": "Good", "review_text": "It writes."}


def test_a_review_is_posted_changed_and_deleted(shopper: Client, pen: Product) -> None:
    response = shopper.post(f"{PATH}/review", TEXT)
    assert (response.status_code, response["Location"]) == (302, f"{PATH}#reviews")
    review = Review.objects.get()
    assert (review.reviewer_id, review.overall, review.review_text) == ("anna", 4, "It writes.")
    page = page_of(shopper, PATH)
    assert "Thank you." in page
    assert '<option value="4" selected>' in page
    assert ">\nIt writes.</textarea>" in page
    shopper.post(f"{PATH}/review", {**TEXT, "overall": 2, "number": review.pk})
    assert Review.objects.get().overall == 2
    shopper.post(f"{PATH}/review/delete", {"number": review.pk})
    assert not Review.objects.exists()
    assert "Your review is deleted." in page_of(shopper, PATH)


def test_signing_in_elsewhere_does_not_cost_the_text(pen: Product) -> None:
    client = Client(enforce_csrf_checks=True)
    User.objects.create_user("anna", password="a long one for anna")

    def token() -> str:
        return client.cookies["csrftoken"].value

    page_of(client, "/accounts/login/")
    old = token()
    sign_in = {"username": "anna", "password": "a long one for anna", "csrfmiddlewaretoken": old}
    assert client.post("/accounts/login/", sign_in).status_code == 302
    page = client.post(f"{PATH}/review", {**TEXT, "number": "7", "csrfmiddlewaretoken": old})
    assert page.status_code == 403
    assert "You have signed in or out since" in page.content.decode()
    assert ">\nIt writes.</textarea>" in page.content.decode()
    assert 'name="number" value="7"' in page.content.decode()
    assert not Review.objects.exists()
    assert client.post(f"{PATH}/review", {**TEXT, "csrfmiddlewaretoken": token()}).status_code == 302
    assert Review.objects.get().review_text == "It writes."


def test_other_forms_without_a_token_are_refused(pen: Product) -> None:
    response = Client(enforce_csrf_checks=True).post("/cart/add", {"asin": pen.asin, "quantity": 1})
    assert response.status_code == 403
    assert "CSRF Failed" in response.json()["detail"]


def test_a_refused_review_leads_to_pages_that_are_there(client: Client, pen: Product, reviews: list[Review]) -> None:
    page = client.post(f"{PATH}/review", TEXT).content.decode()
    assert f'href="/accounts/login/?next={PATH}"' in page
    assert f'hx-get="{PATH}"' in page
    assert f'"url":"http://testserver{PATH}"' in page
    assert f'="{PATH}/review' not in page.replace(f'action="{PATH}/review', "")


def test_a_review_that_was_deleted_elsewhere_can_be_posted_anew(shopper: Client, pen: Product) -> None:
    response = shopper.post(f"{PATH}/review", {**TEXT, "number": 7})
    page = response.content.decode()
    assert response.status_code == 404
    assert "has been deleted meanwhile" in page
    assert ">\nIt writes.</textarea>" in page
    assert 'name="number" value=""' in page


def test_a_rejected_review_that_changes_is_not_promised_to_be_read(shopper: Client, pen: Product) -> None:
    shopper.post(f"{PATH}/review", TEXT)
    Review.objects.update(state="rejected")
    shopper.post(f"{PATH}/review", {**TEXT, "overall": 1, "number": Review.objects.get().pk})
    assert "Your review is changed. It is not published." in page_of(shopper, PATH)


def test_a_visitor_is_asked_to_sign_in_and_keeps_the_text(client: Client, pen: Product) -> None:
    assert "/accounts/login/?next=/item/0000000001%23write" in page_of(client, PATH)
    response = client.post(f"{PATH}/review", TEXT)
    page = response.content.decode()
    assert response.status_code == 403
    assert "Sign in first" in page
    assert ">\nIt writes.</textarea>" in page
    for action in ("delete", "vote"):
        assert client.post(f"{PATH}/review/{action}", {"number": 1})["Location"] == f"/accounts/login/?next={PATH}"
    assert not Review.objects.exists()


@pytest.mark.parametrize("overall", ["", "0", "6", "x"])
def test_stars_that_cannot_be_are_named_and_the_text_is_kept(shopper: Client, pen: Product, overall: str) -> None:
    response = shopper.post(f"{PATH}/review", {**TEXT, "overall": overall})
    assert response.status_code == 400
    assert 'class="field-error"' in response.content.decode()
    assert ">\nIt writes.</textarea>" in response.content.decode()


def test_a_second_review_is_refused_and_the_text_is_kept(shopper: Client, pen: Product) -> None:
    shopper.post(f"{PATH}/review", TEXT)
    response = shopper.post(f"{PATH}/review", {**TEXT, "review_text": "Again."})
    assert response.status_code == 409
    assert "anna has reviewed 0000000001 already." in response.content.decode()
    assert ">\nAgain.</textarea>" in response.content.decode()


def test_nobody_changes_or_deletes_the_review_of_another(shopper: Client, pen: Product, reviews: list[Review]) -> None:
    number = reviews[0].pk
    assert shopper.post(f"{PATH}/review", {**TEXT, "number": number}).status_code == 409
    shopper.post(f"{PATH}/review/delete", {"number": number})
    assert "It is not your review" in page_of(shopper, PATH)
    assert Review.objects.get(pk=number).summary == "So so"


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "²", "7"])
def test_a_review_that_is_not_there_is_no_error(shopper: Client, pen: Product, number: str) -> None:
    for action in ("delete", "vote"):
        assert shopper.post(f"{PATH}/review/{action}", {"number": number}).status_code == 302
    assert "has been deleted meanwhile" in page_of(shopper, PATH)


def test_a_vote_counts_once(shopper: Client, pen: Product, reviews: list[Review]) -> None:
    for text in ("Your vote is counted.", "You have voted for this review already."):
        shopper.post(f"{PATH}/review/vote", {"number": reviews[0].pk})
        assert text in page_of(shopper, PATH)
    assert Review.objects.get(pk=reviews[0].pk).helpful_votes == 1


def test_where_reviews_wait_the_author_sees_their_own(shopper: Client, pen: Product, settings: Settings) -> None:
    settings.REVIEWS_WAIT = True
    shopper.post(f"{PATH}/review", TEXT)
    page = page_of(shopper, PATH)
    assert "We read reviews first." in page
    assert "We read it before others see it." in page
    assert "Nobody has reviewed this yet." in page


def test_a_user_name_that_is_no_reviewer_is_named(client: Client, pen: Product) -> None:
    client.force_login(User.objects.create_user("a" * 65))
    response = client.post(f"{PATH}/review", TEXT)
    assert response.status_code == 400
    assert "more than 64 characters" in response.content.decode()


def test_a_signed_in_reader_takes_three_more_queries(
    shopper: Client, shop: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    repository.popular_cache.refresh()  # once a minute
    with django_assert_max_num_queries(9):
        page_of(shopper, "/item/PEN1")

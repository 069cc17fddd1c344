"""Authentication by token and by session, with the database up and down."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.authtoken.models import Token

from catalog.models import Product
from resilience import breakers

pytestmark = pytest.mark.django_db
transactional = pytest.mark.django_db(transaction=True)

REVIEW = {"asin": "P1", "overall": 5, "reviewerID": "anna", "helpful": [0, 0]}


@pytest.fixture
def anna(db: None) -> User:
    Product.objects.create(asin="P1")
    return User.objects.create_user("anna")


@pytest.fixture
def token(anna: User) -> str:
    return f"Token {Token.objects.create(user=anna).key}"


@pytest.fixture
def signed_in(anna: User) -> Client:
    """A signed-in browser, which has to send the CSRF token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)
    return client


def post(client: Client, **headers: str) -> HttpResponse:
    return client.post("/reviews", REVIEW, content_type="application/json", headers=headers)  # type: ignore[return-value]


def test_a_token_lets_its_user_write(client: Client, token: str) -> None:
    assert post(client, authorization=token).status_code == 201


@pytest.mark.parametrize(
    "wrong", ["Token " + "0" * 40, "Token", "Token a b", "Token \xff", "Token Zoë", "Token ' OR 1=1 --"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_token_is_401(client: Client, anna: User, wrong: str, method: str) -> None:
    response = client.generic(method, "/reviews", headers={"authorization": wrong})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"
    assert breakers.database_breaker().state == "closed"


def test_the_token_of_an_inactive_user_is_401(client: Client, anna: User, token: str) -> None:
    User.objects.update(is_active=False)
    assert post(client, authorization=token).status_code == 401


def test_an_anonymous_write_is_refused(client: Client) -> None:
    assert post(client).status_code == 401


@pytest.mark.parametrize("queries", [1])
def test_a_token_costs_one_query(
    client: Client, token: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(queries):
        assert client.get("/ads", headers={"authorization": token}).status_code == 200


def csrf(client: Client) -> str:
    client.get("/accounts/login/")
    return client.cookies["csrftoken"].value


def test_a_session_writes_only_with_its_csrf_token(signed_in: Client) -> None:
    refused = post(signed_in)
    assert refused.status_code == 403
    assert b"CSRF" in refused.content
    assert post(signed_in, **{"x-csrftoken": "x" * 32}).status_code == 403
    assert post(signed_in, **{"x-csrftoken": csrf(signed_in)}).status_code == 201


def test_a_token_needs_no_csrf_token(anna: User, token: str) -> None:
    assert post(Client(enforce_csrf_checks=True), authorization=token).status_code == 201


@transactional
@pytest.mark.parametrize("path", ["/products", "/reviews", "/ads", "/products/P1"])
def test_during_an_outage_reads_are_anonymous(
    path: str, client: Client, signed_in: Client, token: str, lose_database: Callable[[], None]
) -> None:
    lose_database()
    for accept in ("application/json", "text/html"):
        assert client.get(path, headers={"authorization": token, "accept": accept}).status_code == 200
        assert signed_in.get(path, headers={"accept": accept}).status_code == 200


@transactional
def test_during_an_outage_writes_are_503(
    client: Client, signed_in: Client, token: str, lose_database: Callable[[], None]
) -> None:
    x_csrftoken = csrf(signed_in)
    lose_database()
    for _ in range(2):
        for response in (post(client, authorization=token), post(signed_in, **{"x-csrftoken": x_csrftoken})):
            assert response.status_code == 503  # not 401: the credentials are not wrong
            assert "Retry-After" in response


@transactional
def test_nothing_is_written_during_an_outage(
    client: Client, token: str, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_database()
    post(client, authorization=token)
    monkeypatch.undo()
    breakers.database_breaker()._open_until = 0
    assert Product.objects.get().reviews.count() == 0
    assert post(client, authorization=token).status_code == 201
    assert Product.objects.get().reviews.count() == 1


@pytest.mark.parametrize("cookie", ["", "x", "x" * 32, "x" * 5000, '"abcdefgh\\000"', "ø" * 32, "'; DROP TABLE --"])
@pytest.mark.parametrize("path", ["/products", "/admin/"])
def test_a_made_up_session_is_anonymous(client: Client, cookie: str, path: str) -> None:
    response = client.get(path, headers={"cookie": f"sessionid={cookie}"})
    assert response.status_code in (200, 302)
    assert breakers.database_breaker().state == "closed"

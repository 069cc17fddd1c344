"""Guessing passwords at the sign-in pages, and other users meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from accounts import backends
from accounts import sign_in as sign_in_limits
from accounts.sign_in import FREE, Limits
from resilience import breakers

pytestmark = pytest.mark.django_db
PAGES = ["/accounts/login/", "/admin/login/"]


class CountedHasher(MD5PasswordHasher):
    """Counts hashes. A secure hasher is slow."""

    made = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).made += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def users(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "limits", Limits(4, clock=lambda: 1000.0))
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    for name in ("anna", "ben"):
        User.objects.create_user(name, password="open sesame", is_staff=True)


def sign_in(client: Client, name: str, password: str = "open sesame", page: str = PAGES[0], **more: Any) -> Any:
    return client.post(page, {"username": name, "password": password}, **more)


def hashes(call: Callable[[], Any]) -> int:
    before = CountedHasher.made
    call()
    return CountedHasher.made - before


def assert_refused(response: HttpResponse) -> None:
    assert response.status_code == 429
    assert response["Retry-After"] == "1"
    said = response.content.decode()
    assert "Too many sign-in attempts. Try again in 1 second." in said
    assert 'name="password"' in said  # the form, to try it again with


def test_the_refusal_looks_like_an_error(client: Client) -> None:
    for _ in range(FREE + 1):
        response = sign_in(client, "anna", "wrong")
    said = response.content.decode()
    assert 'class="error" role="alert"' in said
    assert ".error { color:" in said


@pytest.mark.parametrize("page", PAGES)
def test_too_many_guesses_are_refused_without_a_password_check(client: Client, page: str) -> None:
    for _ in range(FREE):
        assert sign_in(client, "anna", "guess", page).status_code == 200
    assert hashes(lambda: assert_refused(sign_in(client, "anna", "guess", page))) == 0
    assert_refused(sign_in(client, "anna", page=page))  # the right one


def test_the_message_has_the_time_to_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_limits, "FREE", 0)
    sign_in(client, "anna", "guess")
    response = sign_in(client, "anna")
    assert (response.status_code, response["Retry-After"]) == (429, "2")
    assert "Try again in 2 seconds." in response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_other_users_sign_in_meanwhile(client: Client, page: str) -> None:
    for _ in range(FREE + 3):
        sign_in(client, "anna", "guess", page)
    assert sign_in(client, "ben", page=page).status_code == 302
    assert sign_in(client, "anna", page=page, REMOTE_ADDR="192.0.2.9").status_code == 302


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("spelling", ["nobody {}", "{}" + "x" * 5000])
def test_made_up_names_soon_cost_no_hashes(client: Client, page: str, spelling: str) -> None:
    def guess() -> None:
        for number in range(30):
            last = sign_in(client, spelling.format(number), "guess", page)
        assert_refused(last)

    assert hashes(guess) == FREE
    assert sign_in(client, "ben", page=page).status_code == 302


def test_spellings_of_a_name_count_as_one(client: Client) -> None:
    for name in ("anna", " anna", "anna ", "ａnna", "\tanna"):  # noqa: RUF001
        assert sign_in(client, name, "guess").status_code == 200
    assert_refused(sign_in(client, "anna"))


def test_both_pages_count_together(client: Client) -> None:
    for number in range(FREE):
        sign_in(client, "anna", "guess", PAGES[number % 2])
    for page in PAGES:
        assert_refused(sign_in(client, "anna", page=page))


def test_behind_a_trusted_proxy_clients_are_told_apart(client: Client, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    for number in range(FREE):
        sign_in(client, "anna", "guess", headers={"x-forwarded-for": f"{number}, 192.0.2.1"})
    assert_refused(sign_in(client, "anna", headers={"x-forwarded-for": "9, 192.0.2.1"}))
    assert sign_in(client, "anna", headers={"x-forwarded-for": "192.0.2.2"}).status_code == 302


def test_without_a_trusted_proxy_the_header_is_ignored(client: Client) -> None:
    for number in range(FREE):
        sign_in(client, "anna", "guess", headers={"x-forwarded-for": f"192.0.2.{number}"})
    assert_refused(sign_in(client, "anna", headers={"x-forwarded-for": "192.0.2.99"}))


def test_a_right_password_resets_the_limit(client: Client) -> None:
    for _ in range(2):
        for _ in range(FREE - 1):
            sign_in(client, "anna", "guess")
        assert sign_in(client, "anna").status_code == 302


@pytest.mark.parametrize(
    "form", [{}, {"username": "anna"}, {"password": "x"}, {"username": "a\0b", "password": "x"}, {"username": " "}]
)
def test_an_incomplete_form_does_not_count(client: Client, form: dict[str, str]) -> None:
    for _ in range(FREE + 1):
        assert client.post(PAGES[0], form).status_code in (200, 400)
    assert sign_in(client, "anna").status_code == 302


def test_the_form_itself_is_never_refused(client: Client) -> None:
    for _ in range(FREE + 1):
        sign_in(client, "anna", "guess")
    assert client.get(PAGES[0]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_if_the_name_cannot_be_looked_up_no_password_is_checked(client: Client, settings: Any) -> None:
    settings.BREAKERS = {**settings.BREAKERS, "database": {**settings.BREAKERS["database"], "fail_max": 5}}
    breakers.get.cache_clear()
    responses: list[HttpResponse] = []

    def fail(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('SELECT %s AS "a" FROM "auth_user"'):
            raise OperationalError("no place")
        return run(sql, *rest)

    with connection.execute_wrapper(fail):
        assert hashes(lambda: responses.append(sign_in(client, "anna"))) == 0
    assert responses[0].status_code == 503
    assert sign_in(client, "anna").status_code == 302


def test_no_token_is_hashed(client: Client) -> None:
    wrong = {"authorization": "Token " + "0" * 40}
    assert hashes(lambda: client.get("/reviews", headers=wrong)) == 0

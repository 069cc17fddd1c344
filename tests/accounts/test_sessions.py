"""Saving a session while the connection or the database goes away."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts.sessions import SessionStore
from resilience import breakers

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="ends PostgreSQL's connections")
FORM = {"username": "anna", "password": "open sesame"}


@pytest.fixture(autouse=True)
def anna(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a good one is slow
    return User.objects.create_user("anna", password="open sesame")


@pytest.fixture
def after_sign_in() -> Iterator[Callable[[Callable[[], None]], None]]:
    """A function that has another one called when somebody has signed in, before their session is saved."""
    with ExitStack() as stack:

        def register(happen: Callable[[], None]) -> None:
            def receive(**_: Any) -> None:
                happen()

            user_logged_in.connect(receive, weak=False)
            stack.callback(user_logged_in.disconnect, receive)

        yield register


def end_connection_once(statement: str) -> Callable[..., Any]:
    """An execute wrapper: PostgreSQL ends this connection as it is about to run ``statement`` for the first time."""
    ended: list[str] = []

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(statement) and not ended:
            ended.append(sql)
            other = connection.copy()
            with other.cursor() as cursor:
                pid = connection.connection.info.backend_pid
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            other.close()
        return run(sql, params, many, context)

    return execute


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_session_that_cannot_be_saved_is_a_503(
    client: Client,
    accept: str,
    after_sign_in: Callable[[Callable[[], None]], None],
    lose_database: Callable[[], None],
) -> None:
    after_sign_in(lose_database)
    response = client.post("/accounts/login/", FORM, headers={"accept": accept})
    assert (response.status_code, response["Content-Type"].partition(";")[0]) == (503, accept)
    assert int(response["Retry-After"]) >= 1
    assert breakers.get(breakers.DATABASE).state == "open"


@on_postgresql
@pytest.mark.parametrize("statement", ["UPDATE", "INSERT"])
def test_a_connection_that_is_cut_costs_one_retry(statement: str) -> None:
    session = SessionStore()
    if statement == "UPDATE":
        session.create()
    session["basket"] = ["P1"]
    with connection.execute_wrapper(end_connection_once(f'{statement} {"INTO " * (statement == "INSERT")}"django_ses')):
        session.save()
    assert SessionStore(session.session_key).load() == {"basket": ["P1"]}
    assert breakers.get(breakers.DATABASE).state == "closed"


@on_postgresql
def test_who_signs_in_while_connections_are_cut_is_signed_in(client: Client) -> None:
    with connection.execute_wrapper(end_connection_once('UPDATE "django_session"')):
        assert client.post("/accounts/login/", FORM).status_code == 302
    assert Session.objects.get(session_key=client.cookies["sessionid"].value)


def test_a_session_that_was_deleted_meanwhile_is_not_the_databases_fault() -> None:
    session = SessionStore()
    session.create()
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()
    assert breakers.get(breakers.DATABASE).state == "closed"

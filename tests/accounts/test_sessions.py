"""Saving a session while the connection is cut or the database goes down."""

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
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a secure one is slow
    return User.objects.create_user("anna", password="open sesame")


@pytest.fixture
def after_sign_in() -> Iterator[Callable[[Callable[[], None]], None]]:
    """A function that registers a callback for the moment between a sign-in and saving its session."""
    with ExitStack() as stack:

        def register(happen: Callable[[], None]) -> None:
            def receive(**_: Any) -> None:
                happen()

            user_logged_in.connect(receive, weak=False)
            stack.callback(user_logged_in.disconnect, receive)

        yield register


def end_connection_once(statement: str) -> Callable[..., Any]:
    """An execute wrapper that has PostgreSQL end the connection before the first ``statement``."""
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
    assert breakers.database_breaker().state == "open"


@on_postgresql
@pytest.mark.parametrize("statement", ["UPDATE", "INSERT"])
def test_a_cut_connection_causes_one_retry(statement: str) -> None:
    session = SessionStore()
    if statement == "UPDATE":
        session.create()
    session["basket"] = ["P1"]
    with connection.execute_wrapper(end_connection_once(f'{statement} {"INTO " * (statement == "INSERT")}"django_ses')):
        session.save()
    assert SessionStore(session.session_key).load() == {"basket": ["P1"]}
    assert breakers.database_breaker().state == "closed"


@on_postgresql
def test_a_sign_in_succeeds_while_connections_are_cut(client: Client) -> None:
    with connection.execute_wrapper(end_connection_once('UPDATE "django_session"')):
        assert client.post("/accounts/login/", FORM).status_code == 302
    assert Session.objects.get(session_key=client.cookies["sessionid"].value)


def test_a_session_deleted_meanwhile_is_not_a_database_failure() -> None:
    session = SessionStore()
    session.create()
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()
    assert breakers.database_breaker().state == "closed"

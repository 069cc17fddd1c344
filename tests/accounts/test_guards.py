"""Every query of Django for users and sessions is a protected call."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Permission, User
from django.db import OperationalError

from accounts.backends import GuardedModelBackend
from accounts.sessions import SessionStore
from resilience import breakers
from resilience.errors import CallFailed, CallRejected

pytestmark = pytest.mark.django_db(transaction=True)

CALLS: dict[str, Callable[[User, str], Any]] = {
    "sign in": lambda user, key: authenticate(username="anna", password="open sesame"),
    "who is it": lambda user, key: GuardedModelBackend().get_user(user.pk),
    "what may they do": lambda user, key: user.has_perm("catalog.add_product"),
    "load a session": lambda user, key: SessionStore(key).load(),
    "is there such a session": lambda user, key: SessionStore().exists(key),
    "save a session": lambda user, key: SessionStore(key).save(),
    "start a session": lambda user, key: SessionStore().create(),
    "end a session": lambda user, key: SessionStore(key).delete(),
    "end the session at hand": lambda user, key: SessionStore(key).flush(),
}


@pytest.fixture
def anna(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a secure one is slow
    user = User.objects.create_user("anna", password="open sesame")
    user.user_permissions.add(*Permission.objects.filter(codename="add_product"))
    return user


@pytest.fixture
def key() -> str:
    session = SessionStore()
    session["basket"] = ["P1"]
    session.create()
    assert session.session_key is not None
    return session.session_key


def test_with_the_database_up_each_works_as_in_django(anna: User, key: str) -> None:
    assert authenticate(username="anna", password="open sesame") == anna
    assert authenticate(username="anna", password="guessed") is None
    assert GuardedModelBackend().get_user(anna.pk) == anna
    assert anna.has_perm("catalog.add_product")
    assert not anna.has_perm("catalog.delete_product")
    assert SessionStore(key).load() == {"basket": ["P1"]}
    SessionStore(key).delete()
    assert not SessionStore().exists(key)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_with_the_database_down_each_is_a_protected_call(
    call: Callable[[User, str], Any], anna: User, key: str, lose_database: Callable[[], None]
) -> None:
    lose_database()
    with pytest.raises(CallFailed) as failed:
        call(anna, key)
    assert isinstance(failed.value.__cause__, OperationalError)
    with pytest.raises(CallRejected):
        call(anna, key)


@pytest.mark.parametrize("guess", ["", "short", "x" * 32, "x" * 5000, "abcdefgh\0", "ø" * 32, "'; DROP TABLE --"])
def test_a_made_up_key_is_an_empty_session(guess: str) -> None:
    session = SessionStore(guess)
    assert list(session.keys()) == []
    assert breakers.database_breaker().state == "closed"

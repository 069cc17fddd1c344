"""Signatures of an old key are valid while it is among SECRET_KEY_FALLBACKS."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.test import Client

pytestmark = pytest.mark.django_db
OLD, NEW = "old" * 20, "new" * 20


@pytest.fixture
def anna(settings: Any) -> User:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    return User.objects.create_superuser("anna")


def test_signed_in_users_stay_signed_in(client: Client, anna: User, settings: Any) -> None:
    client.force_login(anna)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert client.get("/admin/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []  # this session has the new key by now
    assert client.get("/admin/").status_code == 200


def test_without_the_old_key_users_are_signed_out(client: Client, anna: User, settings: Any) -> None:
    client.force_login(anna)
    settings.SECRET_KEY = NEW
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(("fallbacks", "counts"), [([OLD], True), ([], False)])
def test_a_link_to_reset_a_password_still_works(anna: User, settings: Any, fallbacks: list[str], counts: bool) -> None:
    token = default_token_generator.make_token(anna)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, fallbacks
    assert default_token_generator.check_token(anna, token) is counts

"""Limits on the admin's pages, in the recommender."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from service import admin
from tests import admin_bounds

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> Client:
    return admin_bounds.a_boss(client)


def test_long_searches_are_refused(boss: Client) -> None:
    admin_bounds.long_searches_are_refused(boss)


def test_usual_searches_are_allowed(boss: Client) -> None:
    admin_bounds.usual_searches_are_made(boss)


@pytest.mark.slow
def test_lookups_that_fail_in_the_database_are_refused(boss: Client) -> None:
    admin_bounds.lookups_that_fail_in_the_database_are_refused(boss)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # PostgreSQL aborts a transaction with a refused statement
def test_invalid_lookups_show_the_whole_list(boss: Client) -> None:
    admin_bounds.lookups_that_make_no_query_show_the_whole_list(boss)


def act(boss: Client, *, on_all: str) -> str:
    boss_number = User.objects.get(username="boss").pk
    form = {"action": "delete_selected", "_selected_action": boss_number, "select_across": on_all, "post": "yes"}
    return boss.post("/admin/auth/user/", form, follow=True).content.decode()


def test_an_action_is_limited_in_rows(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MAX_CHOSEN", 3)
    User.objects.bulk_create(User(username=f"user {number}") for number in range(3))
    assert "More than 3 rows are selected. Nothing was done." in act(boss, on_all="1")
    assert User.objects.count() == 4
    monkeypatch.setattr(admin, "MAX_CHOSEN", 4)
    act(boss, on_all="1")
    assert not User.objects.exists()


def test_only_selected_rows_count_for_the_limit(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MAX_CHOSEN", 1)
    User.objects.create(username="other")
    act(boss, on_all="0")
    assert [user.username for user in User.objects.all()] == ["other"]


def test_forms_with_impossible_choices_are_shown_again(boss: Client) -> None:
    admin_bounds.forms_with_impossible_choices_are_shown_again(boss)

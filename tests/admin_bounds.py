"""Searches and actions of the admin, which both services keep small."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from service.admin import MAX_CHARACTERS, MAX_WORDS, BoundedAdmin

TOO_LONG = ["e " * 900, "e" * (MAX_CHARACTERS + 1), "e " * (MAX_WORDS + 1)]


def lists() -> list[tuple[str, Any]]:
    """The URL of each list, and its ModelAdmin."""
    registered = admin.site._registry.items()
    return [
        (reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist"), each) for model, each in registered
    ]


def long_searches_are_refused(boss: Client) -> None:
    for url, model_admin in lists():
        assert isinstance(model_admin, BoundedAdmin)
        for term in TOO_LONG if model_admin.search_fields else ():
            with CaptureQueriesContext(connection) as asked:
                page = boss.get(url, {"q": term})
            assert (page.status_code, "Search for at most" in page.content.decode()) == (200, True), (url, term)
            assert max(len(each["sql"]) for each in asked.captured_queries) < 5000


def usual_searches_are_made(boss: Client) -> None:
    for url, model_admin in lists():
        if model_admin.search_fields:
            page = boss.get(url, {"q": "e " * MAX_WORDS})
            assert (page.status_code, "Search for at most" in page.content.decode()) == (200, False), url


def lookups_that_fail_in_the_database_are_refused(boss: Client) -> None:
    for url, model_admin in lists():
        for field in model_admin.model._meta.concrete_fields:
            for lookup in ("regex=(((", "iregex=(((", "year=99999", "year__gt=0", "iso_year=0", "date__year=0"):
                assert boss.get(f"{url}?{field.name}__{lookup}").status_code == 400, (url, field, lookup)


def lookups_that_make_no_query_show_the_whole_list(boss: Client) -> None:
    for url, model_admin in lists():
        for field in model_admin.model._meta.concrete_fields:
            for lookup in ("range=", f"in={'9' * 25}", "contained_by=a"):
                # 400 for a field that has no such lookup.
                assert boss.get(f"{url}?{field.name}__{lookup}").status_code in (200, 302, 400), (url, field, lookup)


def forms_with_impossible_choices_are_shown_again(boss: Client) -> None:
    for url, model_admin in lists():
        for name in model_admin.autocomplete_fields:
            for value in ("abc", "1.5", "9" * 30, str(10**19), "-1", "x" * 300):
                page = boss.post(f"{url}add/", {name: value, "targets-TOTAL_FORMS": 0, "targets-INITIAL_FORMS": 0})
                assert page.status_code == 200, (url, name, value)
                assert "Please correct the errors below" in page.content.decode()
                assert boss.get(f"{url}add/", {name: value}).status_code == 200


def a_boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client

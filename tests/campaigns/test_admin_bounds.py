"""Limits of the ad provider's admin pages."""

import pytest
from django.test import Client

from campaigns.models import Advertiser
from tests import admin_bounds

pytestmark = pytest.mark.django_db


def test_long_searches_are_refused(staff: Client) -> None:
    admin_bounds.long_searches_are_refused(staff)


def test_usual_searches_are_made(staff: Client) -> None:
    admin_bounds.usual_searches_are_made(staff)


@pytest.mark.slow
def test_lookups_that_fail_in_the_database_are_refused(staff: Client) -> None:
    admin_bounds.lookups_that_fail_in_the_database_are_refused(staff)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # PostgreSQL aborts a transaction in which a statement fails
def test_lookups_that_make_no_query_show_the_whole_list(staff: Client) -> None:
    admin_bounds.lookups_that_make_no_query_show_the_whole_list(staff)


@pytest.mark.parametrize(("term", "found"), [("quill", 1), ("quill " * 900, 0)])
def test_the_search_for_an_advertiser_is_bounded(staff: Client, term: str, found: int) -> None:
    Advertiser.objects.create(name="Quill & Co")
    field = {"app_label": "campaigns", "model_name": "campaign", "field_name": "advertiser", "term": term}
    response = staff.get("/admin/autocomplete/", field)
    assert (response.status_code, len(response.json()["results"])) == (200, found)


@pytest.mark.slow
def test_forms_with_impossible_choices_are_shown_again(staff: Client) -> None:
    admin_bounds.forms_with_impossible_choices_are_shown_again(staff)

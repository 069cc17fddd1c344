"""A NUL character is a client error on every page of the ad provider."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from resilience import breakers
from tests.null_characters import admin_pages, assert_nothing_fails, assert_refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize("path", ["/?x=%00", "/ads?x=%00", "/ads/click/x?utm=%00", "/admin/login/?next=%00"])
def test_a_nul_in_the_query_is_400(client: Client, path: str) -> None:
    assert_refused(client, path)


def test_a_nul_in_the_query_of_an_admin_page_is_400(staff: Client) -> None:
    for path in [*admin_pages(), "/admin/campaigns/campaign/preview/?keywords=%00", "/admin/jsi18n/?x=%00"]:
        assert_refused(staff, path)


@pytest.mark.slow
def test_a_nul_in_a_path_or_cookie_is_no_server_error(staff: Client) -> None:
    assert_nothing_fails(staff)
    assert staff.get("/ads/click/%00").status_code == 302
    assert staff.get("/ads/impression/%00").status_code == 200
    assert breakers.database_breaker().state == "closed"

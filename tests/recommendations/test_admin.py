"""Builds and neighbours in the admin."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from catalog.models import Product
from recommendations import builds
from recommendations.models import Build

pytestmark = pytest.mark.django_db(transaction=True, reset_sequences=True)
LIST = "/admin/recommendations/build/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def two_builds() -> None:
    for asin in ("A", "B"):
        Product.objects.create(asin=asin, title=f"Fountain pen {asin}")
    for _ in range(2):
        call_command("build_recommendations", verbosity=0)


def publish(staff: Client, *numbers: int) -> str:
    form = {"action": "publish", "_selected_action": numbers}
    return staff.post(LIST, form, follow=True).content.decode()


def test_builds_are_listed_and_one_can_be_activated(staff: Client, two_builds: None) -> None:
    assert builds.active() == Build.objects.get(pk=2)
    assert "Build 1 is now the active one." in publish(staff, 1)
    assert builds.active() == Build.objects.get(pk=1)
    page = staff.get(f"{LIST}1/change/").content.decode()
    assert "neighbours" in page


def test_only_a_finished_build_can_be_activated(staff: Client, two_builds: None) -> None:
    unfinished = Build.objects.create()
    for numbers in ((1, 2), (unfinished.pk,)):
        assert "Select one build that is finished." in publish(staff, *numbers)
    assert builds.active() == Build.objects.get(pk=2)


def test_builds_cannot_be_added_or_deleted(staff: Client, two_builds: None) -> None:
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}1/delete/", {"post": "yes"}).status_code == 403
    assert Build.objects.count() == 2


def test_a_build_has_nothing_to_save(staff: Client, two_builds: None) -> None:
    page = staff.get(f"{LIST}1/change/").content.decode()
    assert 'name="_save"' not in page
    assert "Close" in page
    assert staff.post(f"{LIST}1/change/", {}).status_code == 403


def test_a_product_shows_its_neighbours(staff: Client, two_builds: None) -> None:
    product, other = Product.objects.order_by("asin")
    page = staff.get(f"/admin/catalog/product/{product.pk}/change/").content.decode()
    assert f'<a href="/admin/catalog/product/{other.pk}/change/">Fountain pen B</a>' in page
    assert "0% of it from reviews" in page


def test_a_new_product_has_no_neighbours_yet(staff: Client, two_builds: None) -> None:
    product = Product.objects.create(asin="NEW")
    page = staff.get(f"/admin/catalog/product/{product.pk}/change/").content.decode()
    assert "none before the next build" in page
    assert staff.get("/admin/catalog/product/add/").status_code == 200

"""Permissions in the recommender's admin."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from catalog.models import Product, Review
from recommendations.models import Build

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client: Client) -> User:
    user = User.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    return user


def grant(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


@pytest.fixture
def review() -> Review:
    pen = Product.objects.create(asin="PEN", title="Gel pen")
    return Review.objects.create(reviewer_id="R1", product=pen, overall=5, unix_review_time=0)


def test_deleting_a_product_with_reviews_needs_both_permissions(client: Client, clerk: User, review: Review) -> None:
    url = f"/admin/catalog/product/{Product.objects.get().pk}/delete/"
    grant(clerk, "delete_product", "view_product")
    assert "your account doesn't have permission to delete" in client.get(url).content.decode().replace("’", "'")  # noqa: RUF001
    assert client.post(url, {"post": "yes"}).status_code == 403
    assert Review.objects.exists()
    grant(clerk, "delete_review")
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not Product.objects.exists()


def test_nobody_can_add_reviews_or_change_what_a_reviewer_wrote(client: Client, review: Review) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    assert client.get("/admin/catalog/review/add/").status_code == 403
    form = {"overall": 1, "state": "published", "reply": ""}
    assert client.post(f"/admin/catalog/review/{review.pk}/change/", form).status_code == 302
    assert Review.objects.get().overall == 5


def test_a_build_cannot_be_activated_with_the_view_permission_only(client: Client, clerk: User) -> None:
    build = Build.objects.create()
    grant(clerk, "view_build")
    form = {"action": "publish", "_selected_action": build.pk}
    page = client.post("/admin/recommendations/build/", form, follow=True).content.decode()
    assert "Select one build that is finished." not in page
    grant(clerk, "change_build")
    page = client.post("/admin/recommendations/build/", form, follow=True).content.decode()
    assert "Select one build that is finished." in page

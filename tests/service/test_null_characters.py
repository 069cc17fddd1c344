"""A NUL in a request is a 400, on every page of the recommender."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from resilience import breakers
from tests.null_characters import admin_pages, assert_nothing_fails, assert_refused

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = [
    "/ads?keywords=%00",
    "/ads?keywords=pen,%00",
    "/ads?asin=a%00",
    "/products?limit=%00",
    "/products?nobody_asks=%00",
    "/products?%00=1",
    "/reviews?asin=%00",
    "/reviews?reviewerID=x%00",
    "/products/P1/recommendations?category=%00",
    "/recommendations/popular?exclude=%00",
    "/?x=%00",
    "/status?x=%00",
    "/docs?x=%00",
    "/schema?version=%00",
    "/breakers/database?format=%00",
    "/accounts/login/?next=%00",
    "/admin/login/?next=/admin/%00",
    "/nothing-here?x=%00",
]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize("path", PAGES)
def test_in_the_query_it_is_a_400(client: Client, path: str) -> None:
    assert_refused(client, path)


def test_the_parameter_is_named(client: Client) -> None:
    response = client.get("/ads?limit=3&keywords=a%00b")
    assert response.json() == {"keywords": ["Null characters are not allowed."]}


def test_in_the_query_of_any_page_of_the_admin_it_is_a_400(staff: Client) -> None:
    for path in admin_pages():
        assert_refused(staff, path)


def test_another_encoding_does_not_hide_it(staff: Client) -> None:
    response = staff.get("/admin/catalog/product/?q=+AAA-", headers={"content-type": "text/html; charset=utf-7"})
    assert response.json() == {"q": ["Null characters are not allowed."]}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/admin/catalog/product/", "/reviews"])
def test_in_a_form_it_is_a_400(staff: Client, kind: str, path: str) -> None:
    raw = {
        "application/x-www-form-urlencoded": b"_selected_action=\0&username=x",
        "multipart/form-data; boundary=x": (
            b'--x\r\nContent-Disposition: form-data; name="_selected_action"\r\n\r\na\0b\r\n--x--\r\n'
        ),
    }[kind]
    encoded = raw.replace(b"\0", b"%00") if "urlencoded" in kind else raw
    for body in {raw, encoded}:
        response = staff.post(path, body, content_type=kind)
        assert (response.status_code, list(response.json())) == (400, ["_selected_action"])


@pytest.mark.slow
def test_in_a_path_or_a_cookie_it_fails_nothing(staff: Client) -> None:
    assert_nothing_fails(staff)
    for path in ("/products/%00", "/products/%00/reviews", "/products/%00/recommendations", "/pictures/%00.svg"):
        assert staff.get(path).status_code in (200, 400, 404), path
    assert staff.get("/reviewers/%00/recommendations").status_code in (200, 400, 404)
    for method in ("PUT", "PATCH", "DELETE"):
        assert staff.generic(method, "/products/%00", "{}", "application/json").status_code in (400, 404)
    assert breakers.database_breaker().state == "closed"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_in_json_or_a_form_of_another_method_the_field_is_named(staff: Client, method: str) -> None:
    path = "/products" if method == "POST" else "/products/P1"
    for kind, body in (
        ("application/json", '{"asin": "P1", "title": "a\\u0000b"}'),
        ("application/x-www-form-urlencoded", "asin=P1&title=a%00b"),
    ):
        response = staff.generic(method, path, body, kind)
        assert (response.status_code, list(response.json())) in [(400, ["title"]), (404, ["detail"])]


def test_form_data_is_still_read_by_the_view(staff: Client) -> None:
    assert staff.post("/products", {"asin": "P2", "title": "Pen"}).status_code == 201  # multipart
    form = "asin=P3&title=Pen"
    assert staff.post("/products", form, content_type="application/x-www-form-urlencoded").status_code == 201

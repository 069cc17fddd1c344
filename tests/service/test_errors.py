"""What people and programs see while the database is down."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from rest_framework.authtoken.models import Token

from resilience import breakers
from resilience.middleware import SessionMiddleware

pytestmark = pytest.mark.django_db(transaction=True)

AWAY = {"sqlite": "file cannot be opened", "postgresql": "connection refused"}
PAGES = ["/admin/", "/admin/catalog/product/", "/accounts/login/"]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def assert_unavailable(client: Client, path: str, accept: str, content_type: str, method: str = "GET") -> None:
    response = client.generic(method, path, headers={"accept": accept})
    assert response.status_code == 503
    assert response["Content-Type"].startswith(content_type)
    assert 1 <= int(response["Retry-After"]) <= 20
    if content_type == "application/json":
        text = "The database is unavailable. Nothing was changed. Try again later."
        assert response.json() == {"detail": text}
    else:
        page = response.content.decode()
        assert "Back in a moment" in page
        assert f'http-equiv="refresh" content="{response["Retry-After"]}"' in page
        assert f"The database cannot be used: {AWAY[connection.vendor]}." in page
        assert f"The next attempt is in about {response['Retry-After']} second" in page
        assert "Try now" not in page  # the circuit is open: a reload before then would be refused


@pytest.mark.parametrize("path", PAGES[:2])
def test_pages_that_need_the_database_say_when_the_next_attempt_is(
    staff: Client, path: str, lose_database: Callable[[], None]
) -> None:
    assert staff.get(path).status_code == 200
    lose_database()
    for _ in range(2):  # the failing call, and one that is rejected
        assert_unavailable(staff, path, "text/html,application/xhtml+xml,*/*;q=0.8", "text/html")
        assert_unavailable(staff, path, "application/json", "application/json")


def test_a_page_that_fails_while_it_renders_is_a_503_too(
    staff: Client, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def content(page: TemplateResponse) -> str:
        lose_database()
        return f"{User.objects.count()} users"

    monkeypatch.setattr(TemplateResponse, "rendered_content", property(content))
    assert staff.get("/admin/").status_code == 503


def test_the_page_of_a_circuit_forced_open_says_so_and_does_not_reload(staff: Client) -> None:
    breakers.database_breaker().override("force-open", by="boss")
    response = staff.get("/admin/", headers={"accept": "text/html"})
    assert response.status_code == 503
    assert "Retry-After" in response
    page = response.content.decode()
    assert "The database cannot be used: switched off by an operator." in page
    assert "next attempt" not in page
    assert "refresh" not in page


def test_the_page_of_a_circuit_opened_by_another_process_says_so(staff: Client) -> None:
    breakers.database_breaker().open_for(12)
    page = staff.get("/admin/", headers={"accept": "text/html"}).content.decode()
    assert "The database cannot be used: another process found it down." in page
    assert "The next attempt is in about 12 seconds" in page


def test_sabotage_is_named_in_plain_words(staff: Client) -> None:
    staff.post("/sabotage-db")
    page = staff.get("/admin/", headers={"accept": "text/html"}).content.decode()
    assert "The database cannot be used: somebody made a call fail on purpose." in page


def test_pages_work_again_after_the_outage(
    staff: Client, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_database()
    assert staff.get("/admin/").status_code == 503
    monkeypatch.undo()
    assert staff.get("/admin/").status_code == 503  # still open
    breakers.database_breaker()._open_until = 0
    assert staff.get("/admin/").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/admin/login/", "/accounts/login/"])
def test_signing_in_is_unavailable_and_works_again_later(
    client: Client, path: str, lose_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_superuser("boss", password="open sesame")
    form = {"username": "boss", "password": "open sesame", "next": "/admin/"}
    assert client.get(path).status_code == 200
    lose_database()
    response = client.post(path, form, headers={"accept": "text/html"})
    assert response.status_code == 503
    assert "Retry-After" in response
    monkeypatch.undo()
    breakers.database_breaker()._open_until = 0
    assert client.post(path, form)["Location"] == "/admin/"


def test_a_session_that_cannot_be_saved_after_the_view_is_a_503(
    rf: RequestFactory, lose_database: Callable[[], None]
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.session["basket"] = ["P1"]
        lose_database()
        return HttpResponse("done")

    response = SessionMiddleware(view)(rf.get("/", headers={"accept": "text/html"}))
    assert isinstance(response, HttpResponse)
    assert response.status_code == 503
    assert "Retry-After" in response


@pytest.mark.slow
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("path", ["/products", "/reviews", "/ads", "/", "/products/P1", "/docs", "/schema"])
def test_a_reader_never_gets_an_error(staff: Client, path: str, accept: str, lose_database: Callable[[], None]) -> None:
    lose_database()
    for _ in range(2):
        assert staff.get(path, headers={"accept": accept}).status_code in (200, 406)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(("accept", "kind"), [("application/json", "application/json"), ("text/html", "text/html")])
def test_a_write_of_a_known_user_is_a_503(
    client: Client, method: str, accept: str, kind: str, lose_database: Callable[[], None]
) -> None:
    token = Token.objects.create(user=User.objects.create_superuser("boss"))
    lose_database()
    path = "/products" if method == "POST" else "/products/P1"
    for _ in range(2):
        response = client.generic(method, path, headers={"accept": accept, "authorization": f"Token {token.key}"})
        assert response.status_code == 503
        assert response["Content-Type"].startswith(kind)
        assert 1 <= int(response["Retry-After"]) <= 20


def test_an_anonymous_write_is_401_with_or_without_the_database(
    client: Client, lose_database: Callable[[], None]
) -> None:
    assert client.post("/reviews").status_code == 401
    lose_database()
    assert client.post("/reviews").status_code == 401


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def assert_json_for_programs_and_a_page_for_people(client: Client, status: int, path: str, **request: Any) -> None:
    request = {"method": "GET", **request}
    for accept in ("*/*", "application/json", "image/png", ""):
        answer = client.generic(path=path, headers={"accept": accept}, **request)
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), accept
        assert answer.json()["detail"]
    for accept in (BROWSER, "text/html"):
        page = client.generic(path=path, headers={"accept": accept}, **request)
        assert (page.status_code, page["Content-Type"]) == (status, "text/html; charset=utf-8"), accept
        assert "<h1>" in page.content.decode()
        assert "Accept" in page["Vary"]


@pytest.mark.parametrize("path", ["/nothing-here", "/pictures/house-999.svg"])
def test_a_404_is_json_for_programs(client: Client, path: str) -> None:
    assert_json_for_programs_and_a_page_for_people(client, 404, path)


def test_a_refused_host_is_json_for_programs(client: Client) -> None:
    client.defaults["HTTP_HOST"] = "evil.example"
    assert_json_for_programs_and_a_page_for_people(client, 400, "/products")


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/logout/", "/admin/login/"])
def test_a_form_without_the_csrf_token_is_json_for_programs(path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert_json_for_programs_and_a_page_for_people(client, 403, path, method="POST")


def test_a_403_is_json_for_programs(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert_json_for_programs_and_a_page_for_people(client, 403, "/admin/catalog/product/")


def test_a_500_is_json_for_programs_and_names_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.metrics.exposition", lambda: 1 / 0)
    client = Client(raise_request_exception=False)
    assert_json_for_programs_and_a_page_for_people(client, 500, "/metrics")
    answer = client.get("/metrics", headers={"x-request-id": "wanted"})
    assert "wanted" in answer.json()["detail"]


def test_a_503_is_json_for_programs(staff: Client, lose_database: Callable[[], None]) -> None:
    lose_database()
    assert_json_for_programs_and_a_page_for_people(staff, 503, "/admin/")

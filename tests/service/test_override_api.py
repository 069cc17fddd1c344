"""Reading and overriding one breaker over HTTP."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from rest_framework.authtoken.models import Token

from resilience import breakers

AWAY = {"sqlite": "file cannot be opened", "postgresql": "connection refused"}

pytestmark = pytest.mark.django_db(transaction=True)


def operator(name: str, **fields: str) -> User:
    """A user who may override breakers and nothing else."""
    user = User.objects.create_user(name, **fields)
    user.user_permissions.add(Permission.objects.get(codename="override_breaker"))
    return user


@pytest.fixture
def token() -> dict[str, str]:
    return {"authorization": f"Token {Token.objects.create(user=operator('boss')).key}"}


def override(client: Client, action: object, headers: dict[str, str], name: str = "ad-provider") -> int:
    response = client.post(f"/breakers/{name}", {"action": action}, headers=headers, content_type="application/json")
    return response.status_code


def test_an_operator_forces_it_open_and_resets_it(client: Client, token: dict[str, str]) -> None:
    assert override(client, "force-open", token) == 200
    shown = client.get("/breakers/ad-provider").json()
    assert (shown["state"], shown["forced"]) == ("open", "force-open")
    assert shown["events"][0]["cause"] == "force-open"
    assert client.get("/ads")["X-Data-Source"] == "default"
    assert override(client, "reset", token) == 200
    assert client.get("/breakers/ad-provider").json()["state"] == "closed"


def test_an_override_is_logged_with_the_users_name(
    client: Client, token: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    override(client, "force-close", token)
    (line,) = [record for record in caplog.records if record.message == "breaker overridden"]
    assert (line.__dict__["by"], line.__dict__["action"], line.__dict__["breaker"]) == (
        "boss",
        "force-close",
        "ad-provider",
    )


def test_others_may_not_override(client: Client) -> None:
    assert override(client, "force-open", {}) == 401
    for name, is_staff in (("anna", False), ("clerk", True)):
        client.force_login(User.objects.create_user(name, is_staff=is_staff))
        assert override(client, "force-open", {}) == 403
    assert breakers.get("ad-provider").state == "closed"


def test_a_session_needs_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    assert override(client, "force-open", {}) == 403


@pytest.mark.parametrize("action", ["explode", "", None, 1])
def test_an_invalid_action_is_named(client: Client, token: dict[str, str], action: object) -> None:
    response = client.post("/breakers/database", {"action": action}, headers=token, content_type="application/json")
    assert response.status_code == 400
    assert list(response.json()) == ["action"]


def test_an_unknown_breaker_is_404(client: Client, token: dict[str, str]) -> None:
    assert client.get("/breakers/toaster").json() == {"detail": "There is no such breaker."}
    assert override(client, "reset", token, name="toaster") == 404


def test_reading_needs_no_database(client: Client, lose_database: Callable[[], None]) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    lose_database()
    client.get("/products")
    for accept in ("application/json", "text/html"):
        response = client.get("/breakers/database", headers={"accept": accept})
        assert response.status_code == 200
    (event,) = client.get("/breakers/database").json()["events"]
    assert (event["from_state"], event["to_state"], event["cause"]) == ("closed", "open", AWAY[connection.vendor])
    assert len(event["request_id"]) == 32


def test_the_permission_is_granted_in_the_admin(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    page = client.get(f"/admin/auth/user/{User.objects.get().pk}/change/").content.decode()
    assert "Can override a circuit breaker" in page
    assert "Can post reviews for others" in page


def test_the_browsable_page_shows_the_form_to_operators_only(client: Client) -> None:
    html = {"accept": "text/html"}
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert 'name="action"' not in client.get("/breakers/database", headers=html).content.decode()
    client.force_login(operator("boss"))
    assert 'name="action"' in client.get("/breakers/database", headers=html).content.decode()


@pytest.mark.parametrize("by", ["token", "session"])
def test_the_operator_who_forced_the_database_open_can_reset_it(client: Client, token: dict[str, str], by: str) -> None:
    if by == "session":
        client.force_login(User.objects.get())
        token = {}
    assert override(client, "force-open", token, name="database") == 200
    assert client.get("/products")["X-Data-Source"] == "default"
    page = client.get("/breakers/database", headers={"accept": "text/html", **token}).content.decode()
    assert 'name="action"' in page
    assert override(client, "reset", token, name="database") == 200
    assert client.get("/products")["X-Data-Source"] == "live"


def test_an_operator_can_sign_in_to_reset_it(client: Client, token: dict[str, str]) -> None:
    operator("late", password="late and strong")
    override(client, "force-open", token, name="database")
    form = {"username": "late", "password": "late and strong"}
    assert client.get("/accounts/login/", headers={"accept": "text/html"}).status_code == 200
    assert client.post("/accounts/login/", form).status_code == 302
    assert override(client, "reset", {}, name="database") == 200


def test_while_it_is_forced_open_others_may_not_override(client: Client, token: dict[str, str]) -> None:
    anna = Client()
    anna.force_login(User.objects.create_user("anna", is_staff=True))
    override(client, "force-open", token, name="database")
    assert override(client, "reset", {}, name="database") == 401
    assert override(client, "reset", {"authorization": "Token " + "0" * 40}, name="database") == 401
    assert override(anna, "reset", {}, name="database") == 403


def test_during_an_outage_nobody_can_override(
    client: Client, token: dict[str, str], lose_database: Callable[[], None]
) -> None:
    override(client, "force-open", token, name="database")
    lose_database()
    assert override(client, "reset", token, name="database") == 503

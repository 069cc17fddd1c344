"""Trailing slashes, body sizes, data sources, and cross-origin requests."""

from collections.abc import Callable
from contextlib import closing

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client

from catalog.demo import pictures
from catalog.models import Product
from resilience import provenance
from resilience.middleware import ResilienceMiddleware

LIMIT = 1_000_000
ALLOWED, FOREIGN = "http://localhost:4200", "http://evil.example"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/products", "/products/D1", "/products/D1/reviews", "/reviews", "/ads"])
def test_a_trailing_slash_makes_no_difference(client: Client, path: str) -> None:
    Product.objects.create(asin="D1")
    plain, slashed = client.get(path), client.get(path + "/")
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert plain.json() == slashed.json()


def test_a_trailing_slash_does_not_lose_a_post(client: Client) -> None:
    response = client.post("/sabotage-ad-server/")
    assert response.status_code == 200
    assert response.json()["state"] == "open"


@pytest.mark.parametrize("path", ["/products//", "/no-such-path/", "/no-such-path"])
def test_other_paths_are_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_paths_that_end_in_a_slash_keep_it(client: Client) -> None:
    assert client.get("/admin/login/").status_code == 200
    assert client.get("/accounts/login/").status_code == 200


def post(client: Client, size: int, content_length: str) -> int:
    """The status of a POST of ``size`` bytes with this Content-Length header."""
    body = b'"' + b"x" * (size - 2) + b'"'
    kind = "application/json"
    return client.generic("POST", "/sabotage-ad-server", body, kind, CONTENT_LENGTH=content_length).status_code


@pytest.mark.parametrize(
    ("size", "content_length", "status"),
    [
        (LIMIT, str(LIMIT), 200),
        (LIMIT + 1, str(LIMIT + 1), 413),
        (10, str(10**30), 413),
        (10, "9" * 5000, 413),
        (10, "", 200),
        (10, "ten", 400),
        (10, "-1", 400),
        (10, "1e3", 400),
        (10, "1_0", 400),
        (10, "10, 10", 400),
        (10, "\u0661", 400),
    ],
)
def test_a_body_over_the_limit_is_refused_by_its_announced_length(
    client: Client, size: int, content_length: str, status: int
) -> None:
    assert post(client, size, content_length) == status


def test_the_refusal_names_the_limit_and_has_a_request_id(client: Client) -> None:
    response = client.generic("POST", "/reviews", b" " * (LIMIT + 1), content_type="application/json")
    assert response.json() == {"detail": "The body is larger than 1000000 bytes."}
    assert response["X-Request-ID"]


@pytest.mark.django_db(transaction=True)
def test_each_read_names_its_data_source(client: Client, lose_database: Callable[[], None]) -> None:
    Product.objects.create(asin="D1")
    live = client.get("/products/D1")
    assert (live["X-Data-Source"], live.get("Age")) == ("live", None)
    lose_database()
    stale = client.get("/products/D1")
    assert (stale.status_code, stale["X-Data-Source"], stale["Age"]) == (200, "stale", "0")
    assert stale.json() == live.json()
    default = client.get("/products/D2")
    assert (default.status_code, default["X-Data-Source"], default.get("Age")) == (200, "default", None)


@pytest.mark.django_db
def test_a_404_of_the_database_is_live(client: Client) -> None:
    response = client.get("/products/NOBODY")
    assert (response.status_code, response["X-Data-Source"]) == (404, "live")


def test_age_is_whole_seconds() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        provenance.note("stale", 61.9)
        return HttpResponse()

    response = ResilienceMiddleware(view)(HttpRequest())
    assert (response["X-Data-Source"], response["Age"]) == ("stale", "61")


def test_a_request_does_not_inherit_the_source_of_the_previous_one(client: Client) -> None:
    client.post("/sabotage-ad-server")
    assert client.get("/ads")["X-Data-Source"] == "default"
    assert "X-Data-Source" not in client.get("/livez")


@pytest.mark.parametrize("path", ["/ads", "/livez", "/no-such-path"])
def test_an_allowed_origin_may_read_the_answer_and_its_headers(client: Client, path: str) -> None:
    response = client.get(path, headers={"origin": ALLOWED})
    assert response["Access-Control-Allow-Origin"] == ALLOWED
    exposed = {name.strip() for name in response["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {"X-Data-Source", "Age", "ETag", "Link", "Location", "Retry-After", "X-Request-ID"} | {
        "X-Total-Count",
        "X-Total-Count-Estimated",
        "Date",
        "X-Cache",
    }
    assert response["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize("origin", [FOREIGN, ALLOWED + ".evil.example", "http://localhost", "null"])
def test_other_origins_get_no_cors_headers(client: Client, origin: str) -> None:
    for response in (
        client.get("/ads", headers={"origin": origin}),
        client.options("/ads", headers={"origin": origin, "access-control-request-method": "GET"}),
    ):
        assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_an_allowed_origin_may_send_a_preflight(client: Client) -> None:
    headers = {"origin": ALLOWED, "access-control-request-method": "POST"}
    wanted = {"authorization", "content-type", "x-csrftoken", "x-request-id"}
    response = client.options("/reviews", headers=headers | {"access-control-request-headers": ", ".join(wanted)})
    assert response.status_code == 200
    assert "POST" in response["Access-Control-Allow-Methods"]
    assert wanted <= set(response["Access-Control-Allow-Headers"].split(", "))
    assert response["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.django_db
def test_a_front_end_writes_with_cookies_and_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    client.get("/status")  # sets the cookie
    token = {"x-csrftoken": client.cookies["csrftoken"].value}

    def write(headers: dict[str, str]) -> int:
        body = {"action": "force-close"}
        return client.post("/breakers/database", body, content_type="application/json", headers=headers).status_code

    assert write({"origin": ALLOWED}) == 403
    assert write({"origin": FOREIGN} | token) == 403
    assert write({"origin": "null"} | token) == 403
    assert write({"origin": ALLOWED} | token) == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/products", "/livez", "/no-such-path", "/admin/login/", "/docs", "/static/service/status.js"]
)
def test_every_answer_has_a_policy_that_allows_no_inline_script(client: Client, path: str) -> None:
    with closing(client.get(path)) as response:
        sent = response["Content-Security-Policy"]
    policy = {name: sources for name, *sources in (part.split() for part in sent.split("; "))}
    assert policy.get("script-src", policy["default-src"]) == ["'self'"]
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    assert {"data:", "http:", "https:"} <= set(policy["img-src"])


def test_a_view_may_set_its_own_policy(client: Client) -> None:
    picture = client.get(f"/pictures/{min(pictures.KINDS)}-1.svg")
    assert picture["Content-Security-Policy"] == "default-src 'none'"

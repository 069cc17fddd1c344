"""Cache-Control, Vary, ETag and compression."""

import gzip
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from catalog.models import Product
from service.caching import FALLBACK, LIVE, MISSING, NEVER

READS = [
    "/products",
    "/products/D1",
    "/products/D1/reviews",
    "/reviews",
    "/products/D1/recommendations",
    "/recommendations/popular",
]
PAGE = {"accept": "text/html"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def product() -> Product:
    return Product.objects.create(asin="D1", title="Pen", description="blue " * 300)


def varies_by(client: Client, path: str) -> set[str]:
    return {name.strip().lower() for name in client.get(path)["Vary"].split(",")}


@pytest.mark.parametrize("path", READS)
def test_shared_caches_may_keep_an_anonymous_read(client: Client, path: str) -> None:
    for response in (client.get(path), client.head(path), client.get(path + "/")):
        assert (response.status_code, response["Cache-Control"]) == (200, LIVE)
    assert {"accept", "authorization", "cookie", "origin"} <= varies_by(client, path)


@pytest.mark.parametrize("path", READS)
def test_what_a_user_is_answered_is_kept_by_nobody(client: Client, path: str) -> None:
    user = User.objects.create_user("ann")
    token = {"authorization": f"Token {Token.objects.create(user=user)}"}
    assert client.get(path, headers=token)["Cache-Control"] == NEVER
    client.force_login(user)
    response = client.get(path)
    assert (response["Cache-Control"], response.has_header("ETag")) == (NEVER, False)


def test_cookies_of_others_do_not_matter(client: Client) -> None:
    client.cookies["_ga"] = "GA1.2.3"
    assert client.get("/products/D1", headers={"authorization": ""})["Cache-Control"] == LIVE


@pytest.mark.parametrize(
    "path",
    ["/", "/ads", "/reviewers/R1/recommendations", "/products?limit=x", "/breakers", "/status", "/livez", "/metrics"],
)
def test_nobody_keeps_other_answers(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response["Cache-Control"], response.has_header("ETag")) == (NEVER, False)


@pytest.mark.parametrize("path", READS)
def test_nobody_keeps_pages(client: Client, path: str) -> None:
    assert client.get(path, headers=PAGE)["Cache-Control"] == NEVER


def test_nobody_keeps_the_answer_to_a_write(client: Client) -> None:
    assert client.post("/recommendations", {"asins": ["D1"]}, "application/json")["Cache-Control"] == NEVER
    assert client.post("/products", {}, "application/json")["Cache-Control"] == NEVER


def test_an_unknown_product_is_kept_for_a_second(client: Client) -> None:
    response = client.get("/products/NOBODY")
    assert (response.status_code, response["Cache-Control"]) == (404, MISSING)


@pytest.mark.django_db(transaction=True)
def test_stale_and_default_answers_may_be_shown_if_we_fail(client: Client, lose_database: Callable[[], None]) -> None:
    client.get("/products/D1")
    lose_database()
    for path, source in (("/products/D1", "stale"), ("/products/D2", "default"), ("/reviews", "default")):
        response = client.get(path)
        assert (response["X-Data-Source"], response["Cache-Control"]) == (source, FALLBACK)


@pytest.mark.parametrize("path", [*READS, "/schema?format=json"])
def test_an_answer_that_the_client_has_is_a_304(client: Client, path: str) -> None:
    first = client.get(path)
    for has in (first["ETag"], f'"other", {first["ETag"]}', first["ETag"].removeprefix("W/"), "*"):
        again = client.get(path, headers={"if-none-match": has})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again[name] == first[name]
        assert again["X-Request-ID"] != first["X-Request-ID"]
    assert client.get(path, headers={"if-none-match": '"other", junk, "'}).status_code == 200
    failed = client.get(path, headers={"if-match": '"other"'})
    assert (failed.status_code, failed["Cache-Control"]) == (412, NEVER)


def test_a_changed_product_has_another_etag(client: Client, product: Product) -> None:
    etag = client.get("/products/D1")["ETag"]
    assert client.head("/products/D1")["ETag"] == etag
    Product.objects.filter(pk=product.pk).update(title="Pencil")
    response = client.get("/products/D1", headers={"if-none-match": etag})
    assert (response.status_code, response.json()["title"]) == (200, "Pencil")
    assert response["ETag"] != etag


@pytest.mark.parametrize("accepted", ["gzip", "deflate, GZIP;q=0.5, br", "gzip ; q=1.0"])
def test_a_long_answer_is_compressed(client: Client, accepted: str) -> None:
    plain, packed = client.get("/products/D1"), client.get("/products/D1", headers={"accept-encoding": accepted})
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) == int(packed["Content-Length"]) < len(plain.content)
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] == plain["ETag"]
    assert "accept-encoding" in varies_by(client, "/products/D1")


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; Q=0.000, br", "gzip;q=0;x=1", "x-gzipped"])
def test_it_is_not_compressed_if_the_client_does_not_accept_it(client: Client, accepted: str) -> None:
    response = client.get("/products/D1", headers={"accept-encoding": accepted})
    assert not response.has_header("Content-Encoding")
    assert response.json()["asin"] == "D1"


def test_a_short_answer_is_not_compressed(client: Client) -> None:
    response = client.get("/livez", headers={"accept-encoding": "gzip"})
    assert not response.has_header("Content-Encoding")


def test_pages_are_compressed(client: Client) -> None:
    response = client.get("/products/D1", headers=PAGE | {"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert b"Pen" in gzip.decompress(response.content)

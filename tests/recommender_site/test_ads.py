"""GET /ads with an ad provider in this process. tests/e2e uses real ones that are stopped, hung or broken."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest
from django.test import Client
from pytest_django import Settings

from catalog.ads import as_ad
from catalog.defaults import HOUSE_ADS
from catalog.rules import MAX_ADS_BYTES
from catalog.serializers import ProductSerializer
from catalog.served import ProductRow
from tests.e2e.services import ad_server, free_port

HOUSE = [asin for asin, *_ in HOUSE_ADS]
PENS = [json.loads(orjson.dumps(as_ad(ProductRow(f"PEN{n}", f"Pen {n}")))) for n in range(20)]


def nested(levels: int) -> list[Any]:
    """Lists in each other. orjson reads about a thousand, and writes 254."""
    return [nested(levels - 1)] if levels else []


class AdProvider:
    """Answers ``ads``, and records its requests."""

    def __init__(self) -> None:
        self.ads: Any = PENS
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []

    def behave(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(json.loads(request.rfile.read(int(request.headers["Content-Length"]))))
        body = json.dumps(self.ads).encode()
        request.send_response(self.status)
        for name, value in (self.headers | {"Content-Length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def provider(settings: Settings) -> Iterator[AdProvider]:
    provider = AdProvider()
    with ad_server(provider.behave) as settings.AD_PROVIDER_URL:
        yield provider


def test_the_context_of_the_page_is_passed_on(client: Client, provider: AdProvider) -> None:
    client.get("/ads?asin=PEN1&keywords=red ink, paper&placement=top&viewer=v1&limit=3")
    client.get("/ads")
    page = {"asin": "PEN1", "keywords": ["red ink", "paper"], "placement": "top", "viewer": "v1", "limit": 3}
    assert provider.asked == [page, {"limit": 10}]


@pytest.mark.parametrize(
    "query",
    [f"keywords={'a,' * 21}", f"keywords={'a' * 201}", f"placement={'p' * 51}", f"viewer={'v' * 201}", "placement="],
)
def test_parameters_that_the_ad_provider_would_refuse_are_named(client: Client, query: str) -> None:
    response = client.get(f"/ads?{query}")
    assert (response.status_code, list(response.json())) == (400, [query.partition("=")[0]])


def asins(client: Client, query: str = "") -> list[str]:
    response = client.get(f"/ads{query}")
    assert response.status_code == 200
    return [ad["asin"] for ad in response.json()]


def test_ads_come_from_the_ad_provider(client: Client, provider: AdProvider) -> None:
    response = client.get("/ads?asin=PEN7&limit=3")
    assert response["X-Data-Source"] == "live"
    assert response.json() == PENS[:3]
    assert provider.asked == [{"asin": "PEN7", "limit": 3}]


def test_an_ad_provider_that_sells_no_ads_may_answer_products(client: Client, provider: AdProvider) -> None:
    provider.ads = [json.loads(orjson.dumps(ProductSerializer(ProductRow("PEN0", "Pen 0")).data))]
    assert client.get("/ads").json() == PENS[:1]


def test_each_ad_has_the_fields_of_the_schema(client: Client, provider: AdProvider) -> None:
    schema = client.get("/schema?format=json").json()
    items = schema["paths"]["/ads"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["items"]
    fields = set(schema["components"]["schemas"][items["$ref"].rpartition("/")[2]]["properties"])
    assert {"sponsored", "ad_id", "impression_url", "click_url"} < fields
    assert set(client.get("/ads").json()[0]) == fields
    provider.ads = "nonsense"
    assert client.get("/ads")["X-Data-Source"] == "default"
    assert set(client.get("/ads").json()[0]) == fields


def test_ads_are_not_cached(client: Client, provider: AdProvider) -> None:
    assert "no-store" in client.get("/ads")["Cache-Control"]


def test_the_default_limit_is_ten(client: Client, provider: AdProvider) -> None:
    assert len(asins(client, "/")) == 10
    assert provider.asked == [{"limit": 10}]


@pytest.mark.parametrize("ads", [{"ads": []}, "ads", None, [1], [{}], [PENS[0], {"asin": "PEN1"}]])
def test_an_invalid_answer_is_replaced_by_house_ads(client: Client, provider: AdProvider, ads: Any) -> None:
    provider.ads = ads
    response = client.get("/ads?limit=4")
    assert response["X-Data-Source"] == "default"
    assert [ad["asin"] for ad in response.json()] == HOUSE[:4]
    assert set(response.json()[0]) == set(PENS[0])
    # The circuit is open: no second request.
    assert asins(client, "?limit=4") == HOUSE[:4]
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "cheap"),
        ("sponsored", "yes"),
        ("click_url", 1),
        ("click_url", "javascript:alert(1)"),
        ("impression_url", "//ads.example/1"),
        ("title", None),
        ("categories", "Pens"),
        ("related", []),
        ("related", {"bought": nested(300)}),
        ("asin", 7),
    ],
)
def test_one_wrong_field_makes_an_answer_invalid(client: Client, provider: AdProvider, field: str, value: Any) -> None:
    provider.ads = [PENS[0] | {field: value}]
    assert asins(client, "?limit=1") == HOUSE[:1]


@pytest.mark.parametrize(("size", "source"), [(MAX_ADS_BYTES, "live"), (MAX_ADS_BYTES + 1, "default")])
def test_an_answer_is_read_up_to_the_limit(client: Client, provider: AdProvider, size: int, source: str) -> None:
    pen = PENS[0] | {"description": ""}
    pen["description"] = "x" * (size - len(json.dumps([pen])))
    provider.ads = [pen]
    assert client.get("/ads?limit=1")["X-Data-Source"] == source


def test_an_empty_list_is_a_valid_answer(client: Client, provider: AdProvider) -> None:
    provider.ads = []
    response = client.get("/ads")
    assert (response.json(), response["X-Data-Source"]) == ([], "live")


def test_a_fallback_of_the_ad_provider_is_not_live(client: Client, provider: AdProvider) -> None:
    provider.headers = {"X-Data-Source": "stale", "Age": "12"}
    response = client.get("/ads")
    assert (response["X-Data-Source"], response["Age"]) == ("stale", "12")


def test_without_an_ad_provider_there_are_house_ads(client: Client, settings: Settings) -> None:
    settings.AD_PROVIDER_URL = f"http://127.0.0.1:{free_port()}"
    assert asins(client, "?asin=PEN1") == HOUSE
    assert client.get("/breakers").json()[1]["state"] == "open"


@pytest.mark.django_db(transaction=True)
def test_the_database_is_not_needed(client: Client, provider: AdProvider, lose_database: Callable[[], None]) -> None:
    lose_database()
    assert client.get("/ads?asin=PEN1")["X-Data-Source"] == "live"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=101", "limit"),
        (f"limit={10**30}", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("asin=", "asin"),
        ("asin=A%00", "asin"),
        ("asin=" + "A" * 256, "asin"),
        ("asin=<b>", "asin"),
    ],
)
def test_an_invalid_parameter_is_named(client: Client, provider: AdProvider, query: str, field: str) -> None:
    response = client.get(f"/ads?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert provider.asked == []

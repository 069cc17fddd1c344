"""Valid and invalid JSON bodies."""

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> APIClient:
    client = APIClient()
    client.force_authenticate(User(username="boss", is_superuser=True))
    return client


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 21 + b"]" * 21,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"asin":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"price": NaN}',
        b'{"price": Infinity}',
        b'{"title": "\xff"}',
        b'{"title": "\xed\xa0\x80"}',
        b'{"title": "\\ud800"}',
        b'{"title": "\\udc00\\ud800"}',
        b'\xef\xbb\xbf{"asin": "BOM"}',
        b"{'asin': 'P1'}",
        b'{"asin": "P1"',
        b'{"asin": "P1"} x',
        b"",
        b"\0",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_invalid_json_is_a_400_that_says_so(staff: APIClient, body: bytes) -> None:
    response = staff.post("/products", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json().keys() <= {"detail", "asin"}


@pytest.mark.parametrize("body", [b"[]", b"[[]]", b"1", b'"x"', b"null", b"true", b"{}", b'{"asin": {"a": [1]}}'])
def test_json_of_another_shape_is_a_400(staff: APIClient, body: bytes) -> None:
    response = staff.post("/products", body, content_type="application/json")
    assert response.status_code == 400


@pytest.mark.parametrize("depth", [4, 50, 900])
@pytest.mark.parametrize("field", ["related", "salesRank", "categories"])
def test_deeply_nested_json_is_a_400(staff: APIClient, field: str, depth: int) -> None:
    body = f'{{"asin": "P1", "{field}": {"[" * depth}{"]" * depth}}}'
    assert staff.post("/products", body, content_type="application/json").status_code == 400


def test_another_content_type_is_a_415(staff: APIClient) -> None:
    assert staff.post("/products", b"asin: P1", content_type="text/yaml").status_code == 415


def test_text_of_any_language_is_returned_unchanged(staff: APIClient) -> None:
    title = "Füller 万年筆 \u2028 😀"
    response = staff.post("/products", {"asin": "P1", "title": title}, format="json")
    assert response.status_code == 201
    assert response.json()["title"] == title
    assert title.encode() in response.content
    assert staff.get("/products/P1").json()["title"] == title


def test_a_program_may_request_indented_json(staff: APIClient) -> None:
    response = staff.get("/livez", headers={"accept": "application/json; indent=2"})
    assert response.content == b'{\n  "status": "alive"\n}'


def test_more_fields_than_django_accepts_are_a_400(staff: APIClient) -> None:
    form = "&".join(f"f{n}=1" for n in range(1001))
    answers = [
        staff.get(f"/products?{form}"),
        staff.post("/products", form, content_type="application/x-www-form-urlencoded"),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json() == {"detail": "There are too many parameters, fields or files."}


@pytest.mark.parametrize("item", ["{}", "[]", "[[[[{}]]]]"])
def test_more_lists_and_objects_than_any_request_needs_are_refused_unparsed(
    staff: APIClient, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    monkeypatch.delattr("service.json.orjson.loads")
    body = f'{{"asin": "P1", "related": [{",".join([item] * 10_000)}]}}'
    response = staff.post("/products", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json() == {"detail": "JSON parse error - more than 10000 opening brackets"}


def test_a_text_may_have_brackets(staff: APIClient) -> None:
    body = {"asin": "P1", "description": "[{" * 4_900}
    assert staff.post("/products", body, format="json").status_code == 201

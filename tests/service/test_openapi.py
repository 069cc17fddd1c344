"""The schema describes every call completely."""

from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def operations(client: Client) -> dict[str, Any]:
    paths = client.get("/schema?format=json").json()["paths"]
    return {f"{method.upper()} {path}": call for path, calls in paths.items() for method, call in calls.items()}


def test_every_call_has_a_summary_and_a_description(operations: dict[str, Any]) -> None:
    assert len(operations) == 28
    for name, call in operations.items():
        assert call["summary"], name
        assert call["description"], name


def test_the_schema_is_at_the_usual_path_too(client: Client) -> None:
    response = client.get("/openapi.json", headers={"accept": "text/html,*/*"})
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert response.json() == client.get("/schema?format=json").json()


def test_every_parameter_and_header_is_described(operations: dict[str, Any]) -> None:
    for name, call in operations.items():
        headers = [each for response in call["responses"].values() for each in response["headers"].values()]
        for each in [*call["parameters"], *headers]:
            assert "$ref" in each or each["description"], name
        assert {"$ref": "#/components/parameters/RequestID"} in call["parameters"]


def test_every_answer_carries_the_request_id(operations: dict[str, Any]) -> None:
    for call in operations.values():
        for response in call["responses"].values():
            assert response["headers"]["X-Request-ID"] == {"$ref": "#/components/headers/RequestID"}


def test_reads_have_a_source_and_writes_a_retry_after(operations: dict[str, Any]) -> None:
    for path in (
        "/products",
        "/products/{asin}",
        "/products/{asin}/reviews",
        "/reviews",
        "/ads",
        "/recommendations/popular",
    ):
        assert {"X-Data-Source", "Age"} < set(operations[f"GET {path}"]["responses"]["200"]["headers"])
        assert {"400", "401", "406"} < set(operations[f"GET {path}"]["responses"])
    for name in ("POST /products", "PUT /products/{asin}", "DELETE /products/{asin}", "POST /reviews"):
        assert {"400", "401", "403", "406", "413", "415", "503"} < set(operations[name]["responses"])
        assert "Retry-After" in operations[name]["responses"]["503"]["headers"]


def test_the_override_is_in_the_schema(operations: dict[str, Any], client: Client) -> None:
    call = operations["POST /breakers/{name}"]
    assert {"200", "400", "401", "403", "404", "503"} < set(call["responses"])
    schemas = client.get("/schema?format=json").json()["components"]["schemas"]
    assert schemas["ActionEnum"]["enum"] == ["force-open", "force-close", "reset"]

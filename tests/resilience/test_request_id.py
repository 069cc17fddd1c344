import json
import logging

import pytest
from django.test import Client

from resilience import request_id
from service.logs import JSONFormatter


@pytest.mark.parametrize("sane", ["a", "7f3c-99_a.b:c", "x" * 64])
def test_sane_request_id_is_kept(client: Client, sane: str) -> None:
    assert client.get("/livez", headers={"x-request-id": sane})["X-Request-ID"] == sane


@pytest.mark.parametrize("insane", ["", "x" * 65, "a b", "a\n", "a\nX-Evil: 1", "a\r\n", "für", "١٢", "<b>", "\0"])
def test_other_request_id_is_replaced(client: Client, insane: str) -> None:
    given = client.get("/livez", headers={"x-request-id": insane})["X-Request-ID"]
    assert len(given) == 32
    assert given.isalnum()


def test_each_request_has_its_own_id(client: Client) -> None:
    assert client.get("/livez")["X-Request-ID"] != client.get("/livez")["X-Request-ID"]


@pytest.mark.parametrize("path", ["/no-such-path", "/ads?limit=nonsense"])
def test_error_response_has_an_id(client: Client, path: str) -> None:
    response = client.get(path, headers={"x-request-id": "find-me"})
    assert response.status_code in (400, 404)
    assert response["X-Request-ID"] == "find-me"


def test_log_lines_have_the_request_id() -> None:
    request_id.begin("find-me")
    line = json.loads(JSONFormatter().format(logging.makeLogRecord({"msg": "hello"})))
    assert line["request_id"] == "find-me"

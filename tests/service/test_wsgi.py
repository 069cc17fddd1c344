"""No header of a request breaks it or slows it down."""

import time
from typing import Any

import pytest
from django.test import Client, RequestFactory

from service.wsgi import Handler, Request

FORM = "application/x-www-form-urlencoded"


def request(**environ: Any) -> Request:
    return Request(RequestFactory().post("/", b"name=%C3%A9", content_type=FORM).environ | environ)


@pytest.mark.parametrize(
    "charset", ["utf-8", "hex", "idna", "punycode", "rot13", "undefined", "zlib", "unknown", "utf-7"]
)
def test_a_form_in_an_odd_charset_is_read_as_utf_8(charset: str) -> None:
    assert request(CONTENT_TYPE=f"{FORM}; charset={charset}").POST["name"] == "é"


@pytest.mark.parametrize("parameter", ["x*=bogus''y", "charset*=utf-8''a%00b", "x*" + "9" * 5000, "x*=utf-8''%FF"])
@pytest.mark.parametrize("path", ["/livez", "/"])
def test_a_content_type_that_cannot_be_parsed_is_another_one(parameter: str, path: str) -> None:
    statuses: list[str] = []
    environ = RequestFactory().get(path).environ | {"CONTENT_TYPE": f"{FORM}; {parameter}"}
    Handler()(environ, lambda status, headers: statuses.append(status))  # type: ignore[arg-type]
    assert statuses == ["200 OK"]


@pytest.mark.parametrize("parameter", ["x*=bogus''y", "x*" + "9" * 5000])
def test_an_accept_header_that_cannot_be_parsed_gets_json(parameter: str, client: Client) -> None:
    answer = client.get("/nowhere", headers={"Accept": f"a/b; {parameter}"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def test_escapes_in_cookies_take_no_time() -> None:
    started = time.process_time()
    assert request(HTTP_COOKIE='a="' + "\\" * 60_000 + '"').COOKIES == {}
    assert request(HTTP_COOKIE='a="' + "\\" * 999 + '"; b=c').COOKIES["b"] == "c"
    assert time.process_time() - started < 1


def test_escaped_cookies_are_read() -> None:
    assert request(HTTP_COOKIE=r'messages="[[\"x\"\054 1]]"; sessionid=abc').COOKIES == {
        "messages": '[["x", 1]]',
        "sessionid": "abc",
    }

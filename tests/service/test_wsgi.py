"""No header of a request breaks it or slows it down."""

import subprocess
import sys
import time
from typing import Any

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.test import Client, RequestFactory

from config.environment import BASE_DIR
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
@pytest.mark.django_db  # the handler looks after the connection that an earlier test may have left open
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


def test_connections_are_looked_after_once_a_request() -> None:
    told = """
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from recommender_site.wsgi import application
for signal in (request_started, request_finished):
    print(any(receiver() is close_old_connections for _, receiver, *_ in signal.receivers))
"""
    command = [sys.executable, "-c", told]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=BASE_DIR)
    assert found.stdout.split() == ["False", "True"]


def test_escaped_cookies_are_read() -> None:
    assert request(HTTP_COOKIE=r'messages="[[\"x\"\054 1]]"; sessionid=abc').COOKIES == {
        "messages": '[["x", 1]]',
        "sessionid": "abc",
    }


def test_a_long_accept_header_is_ignored() -> None:
    assert request(HTTP_ACCEPT="text/html" + ", a/b" * 100).accepts("text/plain") is False
    assert request(HTTP_ACCEPT="text/html" + ", a/b" * 1000).accepts("text/plain") is True


@pytest.mark.parametrize("part", [b"--B\r\n", b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'])
def test_a_multipart_body_with_too_many_parts_is_refused_unparsed(part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("django.http.request.MultiPartParser.parse")
    sent = RequestFactory().post("/", part * 201 + b"--B--", content_type="multipart/form-data; boundary=B")
    with pytest.raises(TooManyFieldsSent):
        Request(sent.environ).POST  # noqa: B018


def test_a_multipart_body_is_read() -> None:
    fields = {f"name{number}": "é" for number in range(200)}
    read = Request(RequestFactory().post("/", fields).environ)
    assert read.POST.dict() == fields
    assert read.body  # for DRF, which parses it again

"""HTTP calls with one deadline for name lookup, connect, headers and body, and with a bounded body.

requests' timeout is per read, so a server that sends a byte at a time holds a call for ever. Here each wait on the
socket gets what is left of ``deadlines.within``.

A name may have several addresses. Each gets an equal share of the time left to connect. The address that answered last
comes first, and those that failed come last. After a failed call no kept connection to the same address is used again:
whatever silently dropped one has dropped the others too.
"""

import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as PoolTimeout
from urllib3.util import parse_url
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context

from resilience import deadlines
from resilience.circuit import Outcome
from resilience.errors import chain
from resilience.resolver import addresses

logger = logging.getLogger(__name__)


class BodyTooLarge(requests.RequestException):
    """The body is larger than ``max_bytes``."""


class Answer(NamedTuple):
    """A complete response. The names of headers are case-insensitive."""

    headers: Mapping[str, str]
    body: bytes


class BadAnswer(Exception):
    """The server answered something that cannot be used."""


ERRORS = (requests.RequestException, HTTPError, BadAnswer, deadlines.DeadlineExceeded)
_TIMEOUTS = (TimeoutError, requests.Timeout, PoolTimeout)


def classify(error: BaseException) -> Outcome:
    """Say what an exception means for the server.

    A 4xx is NEUTRAL: it is about the request. A timeout is SUSPECT: perhaps one slow request, or a connection that the
    network dropped. Every other HTTP error is a FAILURE.
    """
    if not isinstance(error, ERRORS):
        return Outcome.NEUTRAL
    if any(isinstance(each, _TIMEOUTS) for each in chain(error)):
        return Outcome.SUSPECT
    if isinstance(error, requests.HTTPError) and 400 <= error.response.status_code < 500:
        return Outcome.NEUTRAL
    return Outcome.FAILURE


class _Deadline:
    """Socket mixin: bounds each wait by what is left of the call's deadline."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(deadlines.remaining())  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(deadlines.remaining())  # type: ignore[attr-defined]
        super().sendall(*args, **kwargs)  # type: ignore[misc]


class _Socket(_Deadline, socket.socket):
    pass


class _TLSSocket(_Deadline, ssl.SSLSocket):
    pass


@dataclass(slots=True)
class _Record:
    """When an address last answered and last failed, on the monotonic clock."""

    answered: float = 0.0
    failed: float = 0.0

    @property
    def rank(self) -> float:
        """Addresses with a lower rank come first: the last to answer, then unknown ones, then the first to fail."""
        return self.failed if self.failed > self.answered else -self.answered


_records: dict[Any, _Record] = {}
MANY = 1000  # records; losing them does no harm


def _record(address: Any) -> _Record:
    if len(_records) > MANY:
        _records.clear()
    return _records.setdefault(address, _Record())


class _Connection(HTTPConnection):
    """Connects as urllib3 does, with one deadline for the name and all of its addresses."""

    _made = 0.0
    _to: _Record | None = None

    def _new_conn(self) -> socket.socket:
        self._to = None
        found = [(_record(each[-1]), each) for each in addresses(self.host.strip("[]"), self.port)]
        found.sort(key=lambda each: each[0].rank)
        failure = OSError(f"{self.host} has no address")
        for count, (record, (family, kind, protocol, _, address)) in enumerate(found):
            left = deadlines.remaining()
            made = _Socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    made.setsockopt(*option)
                made.settimeout(left and left / (len(found) - count))
                made.connect(address)
                made.settimeout(deadlines.remaining())  # for the TLS handshake
            except OSError as error:
                made.close()
                record.failed = time.monotonic()
                failure = error
            else:
                self._made, self._to = time.monotonic(), record
                return made
        raise failure

    def connect(self) -> None:
        with self._blaming():
            super().connect()

    def getresponse(self) -> Any:
        with self._blaming():
            response = super().getresponse()
        response.record = self._to  # type: ignore[attr-defined]
        return response

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            if self._to:
                self._to.failed = time.monotonic()
            raise

    @property
    def is_connected(self) -> bool:
        """Whether the connection can take another request."""
        return super().is_connected and self._to is not None and self._to.failed < self._made


class _HTTPSConnection(_Connection, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context()
        context.load_default_certs()
        context.sslsocket_class = _TLSSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None. Otherwise requests reads the whole body of a redirect, even one that it must not follow."""


def session(connections: int) -> requests.Session:
    """Return a session for one host that keeps up to ``connections`` alive and ignores proxies and cookies.

    A request whose connection is cut before any response is sent once more: the server may close an idle connection
    at that moment.
    """
    made = _Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Respecting Retry-After, urllib3 would read all of a 413, 429 or 503 and hide the status in its own exception.
    again = Retry(
        total=1,
        connect=0,
        read=1,
        redirect=0,
        status=0,
        other=0,
        allowed_methods=None,
        respect_retry_after_header=False,
    )
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(pool_maxsize=connections, max_retries=again))
    return made


def post_json(via: requests.Session, url: str, body: Any, *, headers: dict[str, str], max_bytes: int) -> Answer:
    """POST ``body`` as JSON and return the headers and body of the 200. Does not follow redirects.

    Raises requests.RequestException (HTTPError for any other status, BodyTooLarge) or DeadlineExceeded.
    """
    request = _prepared(url).copy()
    request.prepare_body(json.dumps(body, allow_nan=False).encode(), None)
    request.headers.update(headers)
    with via.send(request, timeout=deadlines.remaining(), allow_redirects=False, stream=True, proxies={}) as response:
        record: _Record | None = getattr(response.raw, "record", None)
        try:
            answer = _read(response, url, max_bytes)
        except Exception as error:
            if record and classify(error) is not Outcome.NEUTRAL:
                record.failed = time.monotonic()
            raise
        if record:
            record.answered = time.monotonic()
        return answer


@lru_cache(maxsize=32)
def _prepared(url: str) -> requests.PreparedRequest:
    """The request without what differs between calls: to prepare it takes as long as to send it."""
    return requests.Request("POST", url, {"Content-Type": "application/json"}).prepare()


def _read(response: requests.Response, url: str, max_bytes: int) -> Answer:
    if 400 <= response.status_code < 500:  # opens no circuit, so nobody would see it
        shown = parse_url(url)._replace(auth=None).url  # no password in the log
        logger.warning("request refused", extra={"url": shown, "status": response.status_code})
    if response.status_code != 200:
        raise requests.HTTPError(f"status {response.status_code}", response=response)
    read = bytearray()
    # One byte over the limit is enough.
    while chunk := response.raw.read1(max_bytes + 1 - len(read), decode_content=True):
        read += chunk
        if len(read) > max_bytes:
            raise BodyTooLarge(f"more than {max_bytes} bytes")
    return Answer(response.headers, bytes(read))

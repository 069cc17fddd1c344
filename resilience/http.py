"""HTTP calls that end in time: one deadline for name, connection, headers and body together, and a bounded body.

requests' own timeout is per read, so a server that drips a byte at a time holds a call for ever. Here each wait on the
socket gets what is left of ``deadlines.within``.

A name may have several addresses. Each of them gets an equal share of the time that is left to connect; the one that
answered last is tried first, and those that failed are tried last. After a failed call no connection that was kept to
the same address is used again: what has silently dropped one has dropped the others too.
"""

import logging
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
    """The answer is larger than the caller is ready to read."""


class Answer(NamedTuple):
    """A finished answer; the headers are looked up regardless of case."""

    headers: Mapping[str, str]
    body: bytes


class BadAnswer(Exception):
    """The other side answered, and what it said makes no sense."""


ERRORS = (requests.RequestException, HTTPError, BadAnswer, deadlines.DeadlineExceeded)
_TIMEOUTS = (TimeoutError, requests.Timeout, PoolTimeout)


def classify(error: BaseException) -> Outcome:
    """A 4xx blames the request and says nothing of the server. A timeout is SUSPECT: the request may have been a slow
    one, or its connection dropped by the network. Every other error is a failure."""
    if not isinstance(error, ERRORS):
        return Outcome.NEUTRAL
    if any(isinstance(each, _TIMEOUTS) for each in chain(error)):
        return Outcome.SUSPECT
    if isinstance(error, requests.HTTPError) and 400 <= error.response.status_code < 500:
        return Outcome.NEUTRAL
    return Outcome.FAILURE


class _Deadline:
    """Mixed into a socket: each wait is bounded by what is left of the call's deadline."""

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
        """The lower, the sooner it is tried: the last to answer, then the unknown, then the first to have failed."""
        return self.failed if self.failed > self.answered else -self.answered


_records: dict[Any, _Record] = {}
MANY = 1000  # records; to forget them does no harm


def _record(address: Any) -> _Record:
    if len(_records) > MANY:
        _records.clear()
    return _records.setdefault(address, _Record())


class _Connection(HTTPConnection):
    """Connects as urllib3 does, in one deadline for the name and all of its addresses."""

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
                made.settimeout(deadlines.remaining())  # for what TLS has to say first
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
        """Whether the connection is fit for one more request."""
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
        """None: requests reads all of a redirect's body and looks where it leads, even if it is not to follow it."""


def session(connections: int) -> requests.Session:
    """A session for one host that keeps up to ``connections`` alive and ignores proxies and cookies.

    What is cut before any answer came is sent once more: a connection that was kept may be closed just then.
    """
    made = _Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # With Retry-After respected, urllib3 reads all of a 413, 429 or 503, and hides the status in an error of its own.
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
    """POST ``body`` as JSON and return the headers and body of a 200. Redirects are not followed.

    Raises requests.RequestException (HTTPError for any other status, BodyTooLarge) or DeadlineExceeded.
    """
    with via.post(
        url, json=body, headers=headers, timeout=deadlines.remaining(), allow_redirects=False, stream=True
    ) as response:
        record: _Record | None = response.raw.record
        try:
            answer = _read(response, url, max_bytes)
        except Exception as error:
            if record and classify(error) is not Outcome.NEUTRAL:
                record.failed = time.monotonic()
            raise
        if record:
            record.answered = time.monotonic()
        return answer


def _read(response: requests.Response, url: str, max_bytes: int) -> Answer:
    if 400 <= response.status_code < 500:  # opens no breaker, and would go unseen
        shown = parse_url(url)._replace(auth=None).url  # a password is not for the log
        logger.warning("request refused", extra={"url": shown, "status": response.status_code})
    if response.status_code != 200:
        raise requests.HTTPError(f"status {response.status_code}", response=response)
    read = bytearray()
    # One byte above the limit is enough to know.
    while chunk := response.raw.read1(max_bytes + 1 - len(read), decode_content=True):
        read += chunk
        if len(read) > max_bytes:
            raise BodyTooLarge(f"more than {max_bytes} bytes")
    return Answer(response.headers, bytes(read))

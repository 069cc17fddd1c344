"""A load on a service during faults: readers of a mix of paths, some of them signed in, and a writer.

The writer records the writes that were acknowledged.
"""

import http.client
import itertools
import json
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CLIENTS = 16
PAUSE = 0.02  # seconds between two requests of a client, so that the load does not saturate the machine
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished request. Times are in seconds, ``at`` since the load began."""

    at: float
    took: float
    status: int  # 0 without an answer
    source: str  # X-Data-Source, or nothing
    method: str
    path: str


@dataclass
class Load:
    """The requests and acknowledged writes so far."""

    url: str
    samples: list[Sample] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self.began

    def reads(self, since: float = 0.0, until: float = float("inf")) -> list[Sample]:
        """The reads that were sent and answered between ``since`` and ``until``."""
        return [
            each for each in self.samples if each.method == "GET" and since <= each.at and each.at + each.took < until
        ]

    def writes(self) -> list[Sample]:
        return [each for each in self.samples if each.method == "POST"]


def every_read(asins: Sequence[str]) -> list[str]:
    """The paths of every read endpoint of the recommender. Those of products are more frequent."""
    about_products = [
        path
        for asin in asins
        for path in (
            f"/products/{asin}",
            f"/products/{asin}/reviews",
            f"/products/{asin}/recommendations?limit=5",
            f"/reviews?asin={asin}",
            f"/ads?asin={asin}&limit=5",
        )
    ]
    lists = [
        "/products?limit=20",
        "/products?skip=20&limit=20",
        "/reviews?limit=20",
        "/recommendations/popular",
        "/ads",
        "/",
    ] * 2
    operations = ["/breakers", "/breakers/database", "/livez", "/readyz", "/metrics", "/status", "/docs", "/schema"]
    return about_products + lists + operations


class Client:
    """A keep-alive connection and the headers of each request."""

    def __init__(self, load: Load, headers: dict[str, str]) -> None:
        self._load, self._headers = load, headers
        parts = urlsplit(load.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """The status and body of the answer; status 0 without an answer."""
        sent = self._load.now
        status, source, answer = 0, "", b""
        headers = self._headers if body is None else self._headers | {"Content-Type": "application/json"}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self._connection.getresponse()
            answer = response.read()
            status, source = response.status, response.headers.get("X-Data-Source", "")
        except (OSError, http.client.HTTPException):
            self._connection.close()
        self._load.samples.append(Sample(sent, self._load.now - sent, status, source, method, path.partition("?")[0]))
        return status, answer

    def close(self) -> None:
        self._connection.close()


@contextmanager
def load(
    url: str,
    paths: Sequence[str],
    *,
    signed_in: dict[str, str] | None = None,
    write: Callable[[int], tuple[str, object]] | None = None,
    writer: dict[str, str] | None = None,
) -> Iterator[Load]:
    """A context in which CLIENTS read random ``paths``, a tenth of them with the headers ``signed_in``.

    ``write`` returns the path and JSON body of the n-th write, which has the headers ``writer``. The bodies of 201 are
    recorded.
    """
    work = Load(url)
    over = threading.Event()

    def read(number: int) -> None:
        rng = random.Random(number)  # the same mix in each run
        is_known = signed_in is not None and number % 10 == 0
        client = Client(work, signed_in if is_known and signed_in else {})
        while not over.wait(rng.uniform(0, 2 * PAUSE)):
            client.ask("GET", rng.choice(paths))
        client.close()

    def keep_writing(describe: Callable[[int], tuple[str, object]]) -> None:
        client = Client(work, writer or {})
        for number in itertools.count():
            status, answer = client.ask("POST", *describe(number))
            if status == 201:
                work.acknowledged.append(answer)
            if over.wait(PAUSE):
                break
        client.close()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(CLIENTS)]
    if write:
        threads.append(threading.Thread(target=keep_writing, args=(write,)))
    for thread in threads:
        thread.start()
    try:
        yield work
    finally:
        over.set()
        for thread in threads:
            thread.join()


def shop_load(
    url: str, asins: Sequence[str], name: str, cookies: Mapping[str, str], token: dict[str, str]
) -> AbstractContextManager[Load]:
    """The load of a shop: readers of everything, some with ``cookies``, and a writer of reviews.

    The ids of its reviewers start with ``name``.
    """

    def review(number: int) -> tuple[str, object]:
        asin = asins[number % len(asins)]
        return "/reviews", {"asin": asin, "reviewerID": f"{name}-{number}", "overall": 1 + number % 5}

    signed_in = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    return load(url, every_read(asins[:10]), signed_in=signed_in, write=review, writer=token)


def of_catalog(samples: Sequence[Sample]) -> list[Sample]:
    """The reads that need the database."""
    return [each for each in samples if each.path.startswith(("/products", "/reviews", "/recommendations"))]


def median(samples: Sequence[Sample]) -> float:
    return statistics.median(each.took for each in of_catalog(samples))

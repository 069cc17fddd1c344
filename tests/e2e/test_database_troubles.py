"""The database server is up, and something is wrong with it all the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from tests.e2e.services import RESET, Postgres, Service, eventually


def run(postgres: Postgres, statement: str) -> None:
    with closing(psycopg2.connect(postgres.url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Load:
    """Readers and a writer at work, and what they were answered."""

    def __init__(self, service: Service, token: dict[str, str], asin: str, name: str) -> None:
        self.sources: list[str] = []
        self.statuses: list[int] = []
        self.written: list[int] = []
        self._service, self._token, self._asin, self._name = service, token, asin, name
        self._over = threading.Event()
        targets = [self._read] * 8 + [self._write]
        self._threads = [threading.Thread(target=target) for target in targets]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        paths = ["/products?limit=10", f"/products/{self._asin}", f"/reviews?asin={self._asin}"]
        while not self._over.is_set():
            for path in paths:
                answer = self._service.get(path)
                self.statuses.append(answer.status_code)
                self.sources.append(answer.headers["X-Data-Source"])

    def _write(self) -> None:
        while not self._over.is_set():
            review = {"asin": self._asin, "reviewerID": f"{self._name}-{len(self.written)}", "overall": 3}
            answer = self._service.post("/reviews", json=review, headers=self._token)
            self.written.append(answer.status_code)
            time.sleep(0.01)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def load(service: Service, token: dict[str, str], asin: str, name: str) -> Iterator[Load]:
    at_work = Load(service, token, asin, name)
    try:
        eventually(lambda: len(at_work.written) > 5)
        yield at_work
    finally:
        at_work.end()


def test_connections_that_are_ended_cost_nobody_anything(
    postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    with load(recommender, token, asins[0], "ended") as at_work:
        for _ in range(5):
            run(postgres, END_ALL)
            time.sleep(0.2)
    assert set(at_work.sources) == {"live"}
    assert set(at_work.written) == {201}
    assert recommender.state("database") == "closed"


def test_a_restart_degrades_no_longer_than_it_takes(
    postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    with load(recommender, token, asins[0], "restart") as at_work:
        postgres.restart()
        back = time.monotonic()
        eventually(lambda: recommender.get("/products?limit=10").headers["X-Data-Source"] == "live")
        assert time.monotonic() - back < RESET + 1
    assert set(at_work.statuses) == {200}
    assert set(at_work.written) <= {201, 503}


def test_a_read_only_database_is_read(
    postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    run(postgres, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    run(postgres, END_ALL)
    try:
        review = {"asin": asins[0], "reviewerID": "read-only", "overall": 3}
        for _ in range(3):
            answer = recommender.post("/reviews", json=review, headers=token)
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers
            assert recommender.get("/products?limit=3").headers["X-Data-Source"] == "live"
        assert recommender.state("database") == "closed"
    finally:
        run(postgres, "SET transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only")
        run(postgres, END_ALL)
    assert recommender.post("/reviews", json=review, headers=token).status_code == 201

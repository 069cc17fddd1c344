"""The database answers, and takes its time: nobody gets an error, and nobody who does not need it waits for it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import requests

from tests.e2e.services import Postgres, Service, eventually
from tests.e2e.slow_proxy import slow_proxy

DELAY = 0.3
CLIENTS = 16
THREADS = 8  # the default; half of them may be with the database


def test_a_slow_database_is_asked_side_by_side_and_never_by_every_thread(
    postgres: Postgres, token: dict[str, str], asins: list[str]
) -> None:
    with slow_proxy(postgres.port, DELAY) as port:
        settings = {
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/postgres?application_name=slow",
            "DB_DEADLINE": "10",
        }
        with Service("recommender_site", **settings) as service, ThreadPoolExecutor(CLIENTS) as clients:

            def read(asin: str) -> tuple[requests.Response, float]:
                started = time.monotonic()
                answer = service.get(f"/products/{asin}")
                return answer, time.monotonic() - started

            def all_threads_are_connected() -> bool:
                list(clients.map(read, asins[:CLIENTS]))
                with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slow'")
                    return bool(cursor.fetchone() == (THREADS,))

            eventually(all_threads_are_connected, 60)
            began = time.monotonic()
            answers = list(clients.map(read, asins[:CLIENTS] * 8))
            took = time.monotonic() - began
            assert {answer.status_code for answer, _ in answers} == {200}
            sources = [answer.headers["X-Data-Source"] for answer, _ in answers]
            # Through one lock there would be one in DELAY.
            assert sources.count("live") * DELAY > 2.5 * took
            # Who found no place was answered at once: the threads were never all held.
            assert sources.count("stale") > 0
            waited = [seconds for answer, seconds in answers if answer.headers["X-Data-Source"] == "stale"]
            assert sorted(waited)[len(waited) // 2] < DELAY
            written = service.post(
                "/reviews", json={"asin": asins[0], "reviewerID": "slow", "overall": 4}, headers=token
            )
            assert written.status_code == 201
            assert service.state("database") == "closed"

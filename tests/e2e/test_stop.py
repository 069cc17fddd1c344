"""A stopping service finishes its requests."""

import http.client
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.e2e.proxies import slow_proxy
from tests.e2e.services import Postgres, Service

CLIENTS = 24


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("keep_alive", [False, True])
def test_every_accepted_connection_gets_an_answer(
    postgres: Postgres, asins: list[str], keep_alive: bool, workers: int
) -> None:
    told: Counter[str] = Counter()

    def ask_until_refused(service: Service, asin: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        while True:
            if connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    told["refused"] += 1
                    return
            try:
                connection.request("GET", f"/products/{asin}")
                response = connection.getresponse()
                response.read()
                told[str(response.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                told[repr(error)] += 1
                connection.close()
            if not keep_alive:
                connection.close()

    with slow_proxy(postgres.port, 0.1) as port:
        settings = {
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/postgres",
            "WEB_CONCURRENCY": str(workers),
        }
        with Service("recommender_site", **settings) as service:
            clients = [threading.Thread(target=ask_until_refused, args=(service, asin)) for asin in asins[:CLIENTS]]
            for client in clients:
                client.start()
            time.sleep(2)
            service.process.send_signal(signal.SIGTERM)
            for client in clients:
                client.join()
    assert told.keys() == {"200", "refused"}
    assert told["refused"] == CLIENTS
    assert told["200"] > 2 * CLIENTS


def test_a_partly_received_request_is_answered(postgres: Postgres) -> None:
    whole = b"GET /products?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    parts = [whole[:cut] for cut in (1, 10, len(whole) - 1)]
    with ExitStack() as stack:
        service = stack.enter_context(Service("recommender_site", DATABASE_URL=postgres.url))
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in parts]
        for client, part in zip(clients, parts, strict=True):
            client.settimeout(10)
            client.sendall(part)
        time.sleep(0.5)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        for client, part in zip(clients, parts, strict=True):
            client.sendall(whole[len(part) :])
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")

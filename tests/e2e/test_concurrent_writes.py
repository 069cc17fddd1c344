"""Concurrent writers: exactly one of them succeeds, and each gets the right status."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.e2e.services import Service

WRITERS = 12


def statuses(write: Callable[[], requests.Response]) -> Counter[int]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(future.result().status_code for future in [pool.submit(write) for _ in range(WRITERS)])


def test_one_of_many_concurrent_equal_reviews_is_stored(
    recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    review = {"asin": asins[0], "reviewerID": "twice", "overall": 5}
    assert statuses(lambda: recommender.post("/reviews", json=review, headers=token)) == {201: 1, 409: WRITERS - 1}
    assert len(recommender.get("/reviews?reviewerID=twice").json()) == 1


def test_one_of_many_concurrent_writers_creates_and_deletes_a_product(
    recommender: Service, token: dict[str, str]
) -> None:
    product = {"asin": "ONCE", "title": "Once"}
    assert statuses(lambda: recommender.post("/products", json=product, headers=token)) == {201: 1, 409: WRITERS - 1}
    url = f"{recommender.url}/products/ONCE"
    assert statuses(lambda: requests.delete(url, headers=token, timeout=10)) == {204: 1, 404: WRITERS - 1}
    assert recommender.get("/products/ONCE").status_code == 404
    assert recommender.state("database") == "closed"

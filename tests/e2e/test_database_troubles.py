"""Faults of a database server that is up: read-only, full disk, locks, too many connections, lost commits."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
import requests

from tests.e2e.conftest import Busy
from tests.e2e.load import Load, of_catalog
from tests.e2e.proxies import forgetful_proxy
from tests.e2e.services import Postgres, Service

REFUSE_TO_GROW = """
    CREATE FUNCTION refuse_to_grow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER no_space BEFORE INSERT OR UPDATE ON catalog_review EXECUTE FUNCTION refuse_to_grow();
"""


@contextmanager
def read_only(postgres: Postgres) -> Iterator[None]:
    postgres.ask("ALTER DATABASE postgres SET default_transaction_read_only = on")
    postgres.end_connections()
    try:
        yield
    finally:
        postgres.ask("SET transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only")
        postgres.end_connections()


@contextmanager
def full_disk(postgres: Postgres) -> Iterator[None]:
    postgres.ask(REFUSE_TO_GROW)
    try:
        yield
    finally:
        postgres.ask("DROP FUNCTION refuse_to_grow CASCADE")


def assert_only_writes_suffer(work: Load, service: Service, review: dict[str, object], token: dict[str, str]) -> None:
    began = work.now
    for _ in range(3):
        answer = service.post("/reviews", json=review, headers=token)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
    wrong = service.post("/reviews", json=review | {"overall": 6}, headers=token)
    assert (wrong.status_code, list(wrong.json())) == (400, ["overall"])
    time.sleep(1)
    assert {each.status for each in work.reads(began)} == {200}
    assert {each.source for each in work.reads(began) if each.source} == {"live"}
    assert {each.status for each in work.writes() if each.at > began} == {503}
    assert service.state("database") == "closed"


def test_a_read_only_database_serves_reads(
    busy: Busy, postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    review = {"asin": asins[0], "reviewerID": "read-only", "overall": 3}
    with busy("read-only") as work:
        with read_only(postgres):
            assert_only_writes_suffer(work, recommender, review, token)
        assert recommender.post("/reviews", json=review, headers=token).status_code == 201


def test_a_database_with_a_full_disk_serves_reads(
    busy: Busy, postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    review = {"asin": asins[0], "reviewerID": "full disk", "overall": 3}
    with busy("full-disk") as work:
        with full_disk(postgres):
            assert_only_writes_suffer(work, recommender, review, token)
        assert recommender.post("/reviews", json=review, headers=token).status_code == 201


def test_a_locked_row_does_not_open_the_breaker(
    busy: Busy, postgres: Postgres, recommender: Service, token: dict[str, str], asins: list[str]
) -> None:
    review = {"asin": asins[0], "reviewerID": "locked", "overall": 3}
    with busy("locked") as work, closing(psycopg2.connect(postgres.url)) as importer:
        importer.cursor().execute("SELECT * FROM catalog_product FOR UPDATE")
        assert_only_writes_suffer(work, recommender, review, token)
        importer.rollback()
        assert recommender.post("/reviews", json=review, headers=token).status_code == 201


def test_too_many_connections_cost_only_the_calls_that_get_none(
    busy: Busy, postgres: Postgres, browser: requests.Session, ad_provider: Service
) -> None:
    postgres.ask("CREATE ROLE shop LOGIN; GRANT pg_read_all_data, pg_write_all_data TO shop")
    url = postgres.url.replace("postgres@", "shop@")
    with (
        Service("recommender_site", DATABASE_URL=url, AD_PROVIDER_URL=ad_provider.url) as service,
        busy("connections", service) as work,
    ):
        fault = work.now
        postgres.ask("ALTER ROLE shop CONNECTION LIMIT 3")
        postgres.end_connections()
        time.sleep(5)
        assert service.state("database") == "closed"
        postgres.ask("ALTER ROLE shop CONNECTION LIMIT -1")
        back = work.now
        time.sleep(5)
        assert service.get("/breakers/database").json()["events"] == []
    assert {each.status for each in work.reads()} == {200}
    during = [each.source for each in of_catalog(work.reads(fault + 1, back))]
    assert during.count("live") > 0
    assert during.count("stale") > 0
    assert {each.status for each in work.writes()} <= {201, 503}
    assert {each.source for each in of_catalog(work.reads(back + 1))} == {"live"}


@pytest.fixture(params=[True, False], ids=["hangs up", "is silent"])
def forgetful(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[tuple[Service, bool]]:
    """A service whose database commits and does not acknowledge it, and whether the database hangs up."""
    hang_up: bool = request.param
    with forgetful_proxy(postgres.port, b"COMMIT", hang_up=hang_up) as port:
        settings = {"DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/postgres", "DB_DEADLINE": "1"}
        with Service("recommender_site", **settings) as service:
            yield service, hang_up


def test_an_unacknowledged_write_is_found_or_reported_as_in_doubt(
    forgetful: tuple[Service, bool], postgres: Postgres, token: dict[str, str], asins: list[str]
) -> None:
    service, hangs_up = forgetful
    name = f"in doubt {hangs_up}"
    review = {"asin": asins[0], "reviewerID": name, "overall": 3}
    product = {"asin": f"DOUBT{hangs_up}", "title": "Doubt", "price": 1.5, "categories": ["Desk"]}
    if hangs_up:
        assert service.post("/reviews", json=review, headers=token).status_code == 201
        assert service.post("/reviews", json=review, headers=token).status_code == 409
        assert service.post("/products", json=product, headers=token).status_code == 201
        assert (
            requests.delete(f"{service.url}/products/{product['asin']}", headers=token, timeout=10).status_code == 204
        )
        assert service.state("database") == "closed"
    else:
        answer = service.post("/reviews", json=review, headers=token)
        assert answer.status_code == 503
        assert "may or may not" in answer.json()["detail"]
        # The database answers, so the next call succeeds and finds the first write.
        assert service.post("/reviews", json=review, headers=token).status_code == 409
        assert service.state("database") == "closed"
    assert postgres.ask(f"SELECT count(*) FROM catalog_review WHERE reviewer_id = '{name}'") == [(1,)]

"""SQLite with many concurrent readers and writers."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.admin import create_admin
from tests.e2e.services import Service, eventually, manage


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.sqlite3"
    manage("migrate", "--verbosity=0", DATABASE_URL=url)
    manage("seed_demo", "--products=50", "--reviewers=40", DATABASE_URL=url)
    return url


def test_there_are_no_errors_and_no_lost_writes(database_url: str, tmp_path: Path) -> None:
    token = create_admin(tmp_path, DATABASE_URL=database_url).token
    settings = {"DATABASE_URL": database_url, "WEB_CONCURRENCY": "2", "DB_DEADLINE": "20"}
    with Service("recommender_site", **settings) as service:
        asins = [product["asin"] for product in service.get("/products").json()]
        statuses: Counter[int] = Counter()

        def write(name: str) -> None:
            for asin in asins[:20]:
                review = {"asin": asin, "reviewerID": name, "overall": 3}
                statuses[service.post("/reviews", json=review, headers=token).status_code] += 1

        def read() -> None:
            for asin in asins:
                answer = service.get(f"/reviews?asin={asin}")
                assert answer.headers["X-Data-Source"] == "live"
                statuses[answer.status_code] += 1

        crowd = [threading.Thread(target=write, args=(f"writer-{n}",)) for n in range(6)]
        crowd += [threading.Thread(target=read) for _ in range(4)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        assert statuses == {201: 120, 200: 200}
        for n in range(6):
            assert len(service.get(f"/reviews?reviewerID=writer-{n}").json()) == 20
        assert service.state("database") == "closed"


def test_a_missing_file_is_an_outage_and_is_not_created(database_url: str) -> None:
    file = Path(database_url.removeprefix("sqlite:///"))
    with Service("recommender_site", DATABASE_URL=database_url) as service:
        assert service.get("/products").headers["X-Data-Source"] == "live"
        for each in file.parent.glob(f"{file.name}*"):
            each.rename(each.with_name(f"away-{each.name}"))
        eventually(lambda: service.get("/products").headers["X-Data-Source"] == "stale")
        (breaker,) = (each for each in service.get("/breakers").json() if each["name"] == "database")
        assert (breaker["state"], breaker["last_error"]["cause"]) == ("open", "file cannot be opened")
        assert not file.exists()
        for each in file.parent.glob("away-*"):
            each.rename(each.with_name(each.name.removeprefix("away-")))
        eventually(lambda: service.get("/products").headers["X-Data-Source"] == "live")

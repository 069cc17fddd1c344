"""The database is killed and every process started again: readers get real data of a standby."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.load import every_read
from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, eventually, manage
from tests.e2e.shop import shop_template

OPERATIONS = ("/breakers", "/livez", "/readyz", "/metrics", "/status", "/docs", "/schema")


@pytest.fixture
def server() -> Iterator[Postgres]:
    server = Postgres(template=shop_template().data)
    try:
        yield server
    finally:
        server.remove()


def reads(asins: list[str]) -> list[str]:
    """What readers ask for, each once."""
    return [path for path in dict.fromkeys(every_read(asins)) if path != "/" and not path.startswith(OPERATIONS)]


def test_after_a_restart_of_everything_readers_get_what_was_never_asked_from_the_file(
    server: Postgres, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": server.url, "STANDBY_URL": f"sqlite:///{tmp_path}/standby.sqlite3"}
    assert manage("refresh_standby", **env).startswith("200 products, ")
    asins = [asin for (asin,) in server.ask("SELECT asin FROM catalog_product ORDER BY id")]
    server.kill()
    with (
        Service("ad_provider_site", **env) as ads,
        Service("recommender_site", **env, AD_PROVIDER_URL=ads.url, AD_DEADLINE="5") as shop,
    ):
        answers = {path: shop.get(path) for path in reads(asins[::4])}
        assert len(answers) > 250
        assert {(answer.status_code, answer.headers["X-Data-Source"]) for answer in answers.values()} == {
            (200, "stale")
        }
        assert all(0 <= int(answer.headers["Age"]) < 300 for answer in answers.values())
        assert all(answers[f"/products/{asin}"].json()["title"] for asin in asins[::4])
        for path in ("/", "/search?q=paper", *(f"/item/{asin}" for asin in asins[1:5])):
            page = shop.get(path, headers={"Accept": "text/html"})
            assert (page.status_code, page.headers["X-Data-Source"]) == (200, "stale"), path
        assert shop.state("database") != "closed"
        assert shop.state("standby") == "closed"
        assert shop.get("/readyz").json()["dependencies"]["standby"] == "closed"


def test_a_killed_refresh_leaves_the_file_in_use_and_a_second_one_at_once_is_refused(
    server: Postgres, tmp_path: Path
) -> None:
    file = tmp_path / "standby.sqlite3"
    env = {"DATABASE_URL": server.url, "STANDBY_URL": f"sqlite:///{file}"}
    manage("refresh_standby", **env)
    before = file.stat()
    words = [sys.executable, "manage_recommender.py", "refresh_standby"]
    first = subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT | env)
    try:
        eventually(file.with_name("standby.sqlite3.new").exists)
        first.send_signal(signal.SIGSTOP)
        second = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT | env, capture_output=True, text=True)
        assert (second.returncode, second.stderr) == (1, "CommandError: another refresh is running\n")
    finally:
        first.kill()
        first.wait()
    assert file.stat() == before
    manage("refresh_standby", **env)
    assert file.stat().st_mtime > before.st_mtime


def test_with_every_it_goes_on_after_an_outage(server: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "standby.sqlite3"
    env = {"DATABASE_URL": server.url, "STANDBY_URL": f"sqlite:///{file}"}
    words = [sys.executable, "manage_recommender.py", "refresh_standby", "--every=1"]
    server.kill()
    process = subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT | env, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        assert process.stderr.readline().startswith("the database cannot be used: ")
        server.start()
        eventually(file.exists, 60)
        written = file.stat().st_mtime
        eventually(lambda: file.stat().st_mtime > written, 60)
    finally:
        process.kill()
        process.communicate()


def test_reads_go_on_at_a_replica_and_their_age_is_its_lag(server: Postgres) -> None:
    replica = Postgres(primary=server)
    try:
        env = {"DATABASE_URL": server.url, "STANDBY_URL": replica.url}
        with Service("recommender_site", **env) as shop:
            server.ask("UPDATE catalog_product SET title = 'Changed' WHERE id = (SELECT min(id) FROM catalog_product)")
            ((asin,),) = server.ask("SELECT asin FROM catalog_product WHERE title = 'Changed'")
            changed = time.monotonic()
            eventually(lambda: replica.ask("SELECT 1 FROM catalog_product WHERE title = 'Changed'"))
            server.kill()
            eventually(lambda: not replica.ask("SELECT FROM pg_stat_wal_receiver"))
            answer = shop.get(f"/products/{asin}")
            assert (answer.headers["X-Data-Source"], answer.json()["title"]) == ("stale", "Changed")
            # Nothing came after that change, as far as the replica knows.
            assert int(answer.headers["Age"]) <= time.monotonic() - changed + 1
            for path in reads([asin]):
                if not path.startswith("/ads"):
                    assert shop.get(path).headers["X-Data-Source"] == "stale", path
            replica.restart()
            answer = shop.get(f"/products/{asin}")
            assert (answer.headers["X-Data-Source"], answer.json()["title"]) == ("stale", "Changed")
            server.start()
            eventually(lambda: shop.get(f"/products/{asin}").headers["X-Data-Source"] == "live")
    finally:
        replica.remove()

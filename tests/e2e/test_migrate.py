"""Migrations of a database that is in use."""

import subprocess
import sys
import time
from contextlib import closing

import psycopg2

from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service
from tests.e2e.shop import shop_template


def test_readers_go_on_while_a_migration_waits_for_a_lock() -> None:
    postgres = Postgres(template=shop_template().data)
    env = ENVIRONMENT | {"DATABASE_URL": postgres.url}

    def migrate(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "manage_recommender.py", "migrate", "--verbosity=0", "catalog", *words]
        return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)

    try:
        assert migrate("0005", "--fake").communicate()[1] == ""
        with Service("recommender_site", DATABASE_URL=postgres.url) as service:
            service.get("/products")
            with closing(psycopg2.connect(postgres.url)) as report:
                report.cursor().execute("LOCK TABLE catalog_product IN ACCESS SHARE MODE")  # as a long query does
                waiting = migrate("0006")
                end = time.monotonic() + 6
                while time.monotonic() < end:
                    assert service.get("/products").headers["X-Data-Source"] == "live"
                assert waiting.poll() is None
            _, told = waiting.communicate(timeout=60)
            assert waiting.returncode == 0
            assert set(told.splitlines()) == {"a table is locked by another transaction; trying again"}
            assert service.get("/products").headers["X-Data-Source"] == "live"
    finally:
        postgres.remove()

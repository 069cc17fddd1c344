"""Backup and restore as docs/deployment.md has it, while clicks are billed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import postgres_server
from tests.e2e.services import ROOT, Postgres, Service, manage
from tests.e2e.test_sponsored_ads import CAMPAIGN, click, shell, shown

# Stands for compose: calls the programs of a container here, and starts and stops nothing.
DOCKER = """#!/bin/sh
case "$1 $2" in
    "compose exec") shift 4; exec "$@" ;;
    "compose stop" | "compose up") ;;
    *) exit 1 ;;
esac
"""


def commands(block: int) -> list[str]:
    """Those of a block of the section, without their comments."""
    section = (ROOT / "docs/deployment.md").read_text().split("## Backup and restore")[1].split("\n## ")[0]
    lines = re.findall(r"```\n(.*?)```", section, re.DOTALL)[block].splitlines()
    return [line.partition("#")[0].strip() for line in lines]


@pytest.fixture
def shop(postgres: Postgres) -> Iterator[str]:
    """The URL of a shop's database whose owner, shop, is no superuser, as docker/create_database.sh makes it."""
    url = f"postgres://shop@127.0.0.1:{postgres.port}/shop"
    postgres.ask("CREATE ROLE shop LOGIN")
    postgres.ask("CREATE DATABASE shop OWNER shop")
    environment = {"PATH": f"{postgres_server.PROGRAMS}:/usr/bin:/bin"}
    copy = f"pg_dump --format=custom {postgres.url} | pg_restore --no-owner --exit-on-error --dbname={url}"
    subprocess.run(copy, shell=True, env=environment, check=True)
    yield url
    for name in ("shop", "shop_old", "shop_restored"):
        postgres.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    postgres.ask("DROP ROLE shop")


@pytest.mark.parametrize(("block", "old", "new"), [(0, "shop", "shop_restored"), (1, "shop_old", "shop")])
def test_a_restored_backup_is_whole(
    postgres: Postgres, shop: str, tmp_path: Path, block: int, old: str, new: str
) -> None:
    backup, *restore = commands(block)
    restored = {"DATABASE_URL": f"{shop.rpartition('/')[0]}/{new}"}
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{postgres_server.PROGRAMS}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "SECRET_KEY": "end-to-end-" * 4,
        "OLD": shop,
        "NEW": restored["DATABASE_URL"],
        "SERVER": postgres.url,
        "DATABASE_URL": restored["DATABASE_URL"],
        "FILE": str(tmp_path / "shop.dump"),
    }

    def run(command: str) -> None:
        subprocess.run(command, shell=True, cwd=ROOT, env=environment, check=True)

    shell(CAMPAIGN.format(budget=1_000_000_000), DATABASE_URL=shop)
    spool = {"ADS_SPOOL_DIR": str(tmp_path / "spool")}
    with Service("ad_provider_site", DATABASE_URL=shop, TRUSTED_PROXIES="1", **spool) as service:
        ads = [shown(service, number) for number in range(40)]
        with ThreadPoolExecutor(4) as pool:
            clicks = pool.map(click, ads)
            run(backup)
            assert {each.status_code for each in clicks} == {302}
    for command in restore:
        run(command)
    for name in ("catalog_product", "catalog_review", "recommendations_neighbours", "auth_permission"):
        count = f"SELECT count(*) FROM {name}"
        assert postgres.ask(count, old) == postgres.ask(count, new)
    assert "difference 0" in manage("reconcile", project="ad_provider", **restored)
    with Service("recommender_site", **restored) as recommender:
        asin = recommender.get("/products?limit=1").json()[0]["asin"]
        response = recommender.get(f"/products/{asin}/recommendations")
        assert (response.status_code, response.headers["X-Data-Source"]) == (200, "live")

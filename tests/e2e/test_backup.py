"""Backup and restore as docs/deployment.md has it, while clicks are billed."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import postgres_server
from tests.e2e.services import ROOT, Postgres, Service, manage
from tests.e2e.test_sponsored_ads import CAMPAIGN, click, shell, shown


def commands() -> list[str]:
    """Those of the section, without their comments."""
    section = (ROOT / "docs/deployment.md").read_text().split("## Backup and restore")[1]
    block = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0]
    return [line.partition("#")[0].strip() for line in block.splitlines()]


def test_a_restored_backup_is_whole(postgres: Postgres, tmp_path: Path) -> None:
    backup, *restore = commands()
    old, new = {"DATABASE_URL": postgres.url}, {"DATABASE_URL": f"{postgres.url.rpartition('/')[0]}/shop_restored"}
    environment = {
        "PATH": f"{postgres_server.PROGRAMS}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "SECRET_KEY": "end-to-end-" * 4,
        "OLD": postgres.url,
        "NEW": new["DATABASE_URL"],
        "SERVER": postgres.url,
        "DATABASE_URL": new["DATABASE_URL"],
        "FILE": str(tmp_path / "shop.dump"),
    }

    def run(command: str) -> None:
        subprocess.run(command, shell=True, cwd=ROOT, env=environment, check=True)

    shell(CAMPAIGN.format(budget=1_000_000_000), **old)
    with Service("ad_provider_site", **old, ADS_SPOOL_DIR=str(tmp_path), TRUSTED_PROXIES="1") as service:
        ads = [shown(service, number) for number in range(40)]
        with ThreadPoolExecutor(4) as pool:
            clicks = pool.map(click, ads)
            run(backup)
            assert {each.status_code for each in clicks} == {302}
    for command in restore:
        run(command)
    for name in ("catalog_product", "catalog_review", "recommendations_neighbours", "auth_permission"):
        count = f"SELECT count(*) FROM {name}"
        assert postgres.ask(count) == postgres.ask(count, "shop_restored")
    assert "difference 0" in manage("reconcile", project="ad_provider", **new)
    with Service("recommender_site", **new) as recommender:
        asin = recommender.get("/products?limit=1").json()[0]["asin"]
        response = recommender.get(f"/products/{asin}/recommendations")
        assert (response.status_code, response.headers["X-Data-Source"]) == (200, "live")

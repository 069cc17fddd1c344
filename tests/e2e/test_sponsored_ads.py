"""Ads that are paid for: clicks from many processes at a budget's end, and while the database is away."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import requests

from tests.e2e.services import Postgres, Service, eventually, manage
from tests.e2e.shop import shop_template

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
CAMPAIGN = """
from tests.campaigns import sponsors
of = sponsors.campaign(daily_budget={budget}, total_budget={budget})
sponsors.ad(of, "SOLD-1", "category Sold", bid=70_000)
sponsors.ad(sponsors.campaign("Rival"), "SOLD-2", "category Sold", bid=50_000)
"""
FIGURES = """
import json
from django.db.models import Sum
from campaigns.models import Campaign, Day, Event, Unbilled
of = Campaign.objects.get(name="Pens")
days = Day.objects.filter(campaign=of).aggregate(spent=Sum("spent"))["spent"]
ledger = Event.objects.filter(campaign=of).aggregate(spent=Sum("price"))["spent"]
reasons = list(Unbilled.objects.filter(campaign=of).values_list("reason", flat=True))
print("FIGURES", json.dumps([of.total_budget, of.spent, days, ledger, reasons]))
"""


class Ad(NamedTuple):
    """An ad's URLs, and who looks at it: an address that a trusted proxy names."""

    impression: str
    click: str
    address: str


def shell(code: str, **env: str) -> str:
    return manage("shell", "--verbosity=0", "-c", code, project="ad_provider", **env)


def shown(service: Service, number: int) -> Ad:
    """The first campaign's ad, a decision of its own, as it is seen from an address of its own. A process that has just
    begun may know of no campaign yet."""

    def sold() -> list[dict[str, str]]:
        ads = service.post("/ads", json={"categories": ["Sold"], "limit": 2}).json()
        return [ad for ad in ads if ad["asin"] == "SOLD-1" and ad["sponsored"]]

    (found,) = eventually(sold)
    impression, click = (
        found[name].replace("http://localhost:8001", service.url) for name in ("impression_url", "click_url")
    )
    ad = Ad(impression, click, f"198.51.100.{number}")
    assert get(ad.impression, ad.address).ok
    return ad


def get(url: str, address: str) -> requests.Response:
    headers = BROWSER | {"X-Forwarded-For": address}
    return requests.get(url, headers=headers, allow_redirects=False, timeout=20)


def click(ad: Ad) -> requests.Response:
    return get(ad.click, ad.address)


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.sqlite3"
        manage("migrate", "--verbosity=0", project="ad_provider", DATABASE_URL=url)
        yield url
        return
    server = Postgres(template=shop_template().data)
    try:
        yield server.url
    finally:
        server.remove()


def test_eight_processes_never_overspend_a_budget(database: str, tmp_path: Path) -> None:
    shell(CAMPAIGN.format(budget=1_999_999), DATABASE_URL=database)
    settings = {
        "DATABASE_URL": database,
        "WEB_CONCURRENCY": "8",
        "ADS_SPOOL_DIR": str(tmp_path / "spool"),
        "TRUSTED_PROXIES": "1",
    }
    # On SQLite eight writers wait for each other; none may give up while it does.
    with Service("ad_provider_site", DB_DEADLINE="15", **settings) as service, ThreadPoolExecutor(16) as pool:
        ads = list(pool.map(lambda number: shown(service, number), range(60)))
        time.sleep(1)  # a click within a second of its impression does not count
        answers = list(pool.map(click, ads * 2))  # each twice, far from each other
        assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {
            (302, "http://localhost:8000/item/SOLD-1")
        }
        eventually(lambda: not list((tmp_path / "spool").glob("[ed]*s")), 30)
    budget, total, days, ledger, reasons = json.loads(shell(FIGURES, DATABASE_URL=database).rpartition("FIGURES ")[2])
    # Sixty clicks at 50,000 and a bit, of which the money is enough for some 39.
    assert budget - 60_000 <= total <= budget
    assert total == days == ledger
    assert {"budget", "repeated"} <= set(reasons)


def test_what_happens_while_the_database_is_away_is_counted_once_and_later(tmp_path: Path) -> None:
    postgres = Postgres(template=shop_template().data)
    try:
        shell(CAMPAIGN.format(budget=100_000_000), DATABASE_URL=postgres.url)
        settings = {
            "DATABASE_URL": postgres.url,
            "ADS_SPOOL_DIR": str(tmp_path / "spool"),
            "TRUSTED_PROXIES": "1",
        }
        service = Service("ad_provider_site", **settings)
        ads = [shown(service, number) for number in range(20)]
        time.sleep(1)  # a click within a second of its impression does not count
        assert click(ads[0]).ok
        postgres.kill()
        for ad in ads:
            assert click(ad).headers["Location"] == "http://localhost:8000/item/SOLD-1"
        house = service.post("/ads", json={"categories": ["Sold"]})
        assert house.status_code == 200
        assert not any(ad["sponsored"] for ad in house.json())
        master = psutil.Process(service.process.pid)
        workers = master.children()
        for process in [master, *workers]:
            process.kill()
        service.process.wait()
        psutil.wait_procs(workers, 10)
        service.log.close()

        with Service("ad_provider_site", service.port, **settings) as again:  # which finds no database
            assert click(ads[0]).headers["Location"] == "http://localhost:8000/item/SOLD-1"
            postgres.start()
            count = "SELECT count(*), count(DISTINCT decision), sum(price) FROM campaigns_event WHERE kind = 'click'"
            eventually(lambda: postgres.ask(count)[0][0] == 20, 30)
            eventually(lambda: not list((tmp_path / "spool").glob("[ed]*s*")), 10)
            time.sleep(1)
            ((events, decisions, spent),) = postgres.ask(count)
            assert (events, decisions) == (20, 20)
            assert postgres.ask("SELECT spent FROM campaigns_campaign WHERE name = 'Pens'") == [(spent,)]
            assert again.state("database") == "closed"
    finally:
        postgres.remove()

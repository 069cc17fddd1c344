"""The answers of each call while the database is down."""

import re
import subprocess
import sys

import pytest
import requests

from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, eventually, manage


def live(service: Service) -> bool:
    return service.get("/products").headers["X-Data-Source"] == "live"


def test_everything_answers_while_the_database_is_down(
    postgres: Postgres,
    recommender: Service,
    ad_provider: Service,
    browser: requests.Session,
    token: dict[str, str],
    asins: list[str],
) -> None:
    seen, unseen = asins[0], asins[1]
    recommender.get("/products")
    recommender.get(f"/products/{seen}")
    ad_provider.post("/ads", json={"asin": seen})
    postgres.kill()
    eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "stale")
    eventually(lambda: recommender.state("database") == "open")

    stale = recommender.get(f"/products/{seen}")
    assert (stale.status_code, stale.headers["X-Data-Source"]) == (200, "stale")
    assert int(stale.headers["Age"]) >= 0
    assert stale.json()["title"] != ""
    default = recommender.get(f"/products/{unseen}")
    assert (default.status_code, default.headers["X-Data-Source"]) == (200, "default")
    assert default.json()["asin"] == unseen
    assert "unavailable" in default.json()["title"]
    reviews = recommender.get(f"/products/{unseen}/reviews")
    assert (reviews.status_code, reviews.headers["X-Data-Source"], reviews.json()) == (200, "default", [])
    for answer in (
        browser.get(f"{recommender.url}/products", headers={"Accept": "text/html"}, timeout=10),
        recommender.get("/products", headers=token),
        recommender.get("/", headers={"Accept": "text/html"}),
    ):
        assert answer.status_code == 200
    html = {"Accept": "text/html"}
    form = {"username": "admin", "password": "guess", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    sign_in = f"{recommender.url}/accounts/login/"
    for answer in (
        browser.get(f"{recommender.url}/admin/", headers=html, timeout=10),
        browser.post(sign_in, form, headers=html, timeout=10),
    ):
        assert answer.status_code == 503
        assert "Back in a moment" in answer.text
        assert int(answer.headers["Retry-After"]) >= 1
    assert recommender.get("/livez").status_code == 200
    ready = recommender.get("/readyz")
    assert ready.json()["status"] == "degraded"
    assert 'breaker_state{breaker="database",state="open"} 1.0' in recommender.get("/metrics").text
    chosen = ad_provider.post("/ads", json={"asin": seen})
    assert chosen.status_code == 200
    assert chosen.json()
    # The ad provider answers from what it remembers; that does not pass for live.
    assert recommender.get(f"/ads?asin={seen}").headers["X-Data-Source"] in ("stale", "default")

    postgres.start()
    eventually(lambda: live(recommender))
    assert recommender.state("database") == "closed"


def test_answers_are_live_again_after_a_restart_and_the_reset_timeout(postgres: Postgres, recommender: Service) -> None:
    eventually(lambda: live(recommender))
    with requests.Session() as session:
        postgres.kill()
        postgres.start()
        # The connections of all eight threads are dead, which costs no answer.
        for _ in range(40):
            answer = session.get(f"{recommender.url}/products?limit=1", timeout=10)
            assert answer.headers["X-Data-Source"] == "live"


@pytest.mark.parametrize("path", ["/products", "/reviews"])
def test_sabotage_shows_the_breaker_open_reject_and_close(recommender: Service, path: str) -> None:
    recommender.get(path)
    assert recommender.state("database") == "closed"
    broken = recommender.post("/sabotage-db")
    assert (broken.status_code, broken.json()["state"]) == (200, "open")
    assert broken.json()["last_error"]["type"] == "OperationalError"
    assert recommender.get(path).headers["X-Data-Source"] == "stale"
    eventually(lambda: recommender.state("database") == "half-open")
    assert live(recommender)
    assert recommender.state("database") == "closed"


def test_a_stale_answer_is_served_until_its_maximum_age(postgres: Postgres) -> None:
    settings = {"DATABASE_URL": postgres.url, "SABOTAGE": "on", "STALE_MAX_AGE": "6", "DB_RESET_TIMEOUT": "20"}
    with Service("recommender_site", **settings) as service:
        service.get("/products")
        service.post("/sabotage-db")
        assert service.get("/products").headers["X-Data-Source"] == "stale"
        eventually(lambda: service.get("/products").headers["X-Data-Source"] == "default", 30)


def test_an_import_reports_a_lost_database_in_one_line(postgres: Postgres) -> None:
    env = {"DATABASE_URL": postgres.url}
    lines = ["asin,title\n"] + [f"IMPORTED{number},Title\n" for number in range(50_000)]

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "manage_recommender.py", "seed_products", "-"]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=ROOT, env=ENVIRONMENT | env, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    process = start()
    assert process.stdin
    process.stdin.writelines(lines[:45_000])
    eventually(lambda: "True" in manage("shell", "-v0", "-c", _IMPORTED, **env))
    postgres.kill()
    _, said = process.communicate("".join(lines[45_000:]))
    assert process.returncode == 1
    *_, last = said.splitlines()  # after lines of progress on a slow machine
    assert last.startswith("CommandError: the database cannot be used: ")

    # Committed rows stay, and a second run imports the rest.
    postgres.start()
    told, _ = start().communicate("".join(lines))
    counts = re.fullmatch(r"50000 read, (\d+) created, 0 updated, (\d+) unchanged, 0 rejected; read as .*\n.*\n", told)
    assert counts
    created, unchanged = map(int, counts.groups())
    assert unchanged >= 20_000
    assert created + unchanged == 50_000


_IMPORTED = """
from catalog.models import Product
print(Product.objects.filter(asin="IMPORTED0").exists())
"""

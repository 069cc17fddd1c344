"""A killed build, and reads during a build."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, eventually, manage

COMMAND = [sys.executable, "manage_recommender.py", "build_recommendations"]


@pytest.fixture
def big_shop(postgres: Postgres) -> Iterator[Postgres]:
    """Enough reviews to interrupt a build."""
    postgres.ask("""
        INSERT INTO catalog_review (reviewer_id, asin, overall, unix_review_time, reviewer_name, helpful_votes,
                                    total_votes, review_text, summary)
        SELECT 'many ' || n, asin, 5, 1400000000 + n, '', 0, 0, '', ''
        FROM generate_series(1, 1500) AS n, (SELECT asin FROM catalog_product ORDER BY id LIMIT 150) AS reviewed
    """)
    yield postgres
    postgres.ask("DELETE FROM catalog_review WHERE reviewer_id LIKE 'many %'")


def active(postgres: Postgres) -> int:
    (number,) = postgres.ask("SELECT id FROM recommendations_build WHERE is_active")[0]
    return int(number)


def test_a_killed_build_leaves_the_active_one_and_the_next_takes_its_place(
    big_shop: Postgres, recommender: Service, asins: list[str]
) -> None:
    before, path = active(big_shop), f"/products/{asins[0]}/recommendations"
    answer = recommender.get(path).json()
    env = ENVIRONMENT | {"DATABASE_URL": big_shop.url}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        eventually(lambda: big_shop.ask("SELECT 1 FROM recommendations_build WHERE finished_at IS NULL"), 60)
        process.send_signal(signal.SIGSTOP)
        second = subprocess.run(COMMAND, cwd=ROOT, env=env, capture_output=True, text=True)
        process.kill()
    assert (second.returncode, second.stderr.strip()) == (1, "CommandError: another build is running")
    assert active(big_shop) == before
    assert recommender.get(path).json() == answer

    eventually(lambda: not big_shop.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))
    manage("build_recommendations", DATABASE_URL=big_shop.url)
    assert active(big_shop) > before
    assert big_shop.ask("SELECT 1 FROM recommendations_build WHERE finished_at IS NULL") == []


def test_reads_continue_during_a_build(big_shop: Postgres, recommender: Service, asins: list[str]) -> None:
    env = ENVIRONMENT | {"DATABASE_URL": big_shop.url}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            answer = recommender.get(f"/products/{asins[0]}/recommendations?limit=20")
            assert (answer.status_code, len(answer.json())) == (200, 20)
            time.sleep(0.02)
    assert process.returncode == 0

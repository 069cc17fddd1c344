"""Guessed passwords, and a session that is saved while the database is killed, with real processes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count

import pytest
import requests

from tests.e2e.admin import Admin
from tests.e2e.services import RESET, Postgres, Service, eventually, manage

PASSWORD = "open sesame 7"
TRIES = 20
CLERKS = [f"clerk-{number}" for number in range(TRIES)]
USERS = [f"user-{number}" for number in range(30)]
MANY = 20_000  # more users than a guesser can try twice
GUESSES: dict[str, Callable[[int], str]] = {
    "one user": lambda number: "admin",
    "users": lambda number: USERS[number % len(USERS)],
    "made-up names": lambda number: f"nobody-{number}",
}


@pytest.fixture(scope="module")
def users(postgres: Postgres) -> None:
    make = (
        "from django.contrib.auth.hashers import make_password;"
        f"hashed = make_password({PASSWORD!r});"
        f"names = ['clerk', *{CLERKS + USERS!r}, *(f'many-{{number}}' for number in range({MANY}))];"
        "User.objects.bulk_create(User(username=name, password=hashed, is_staff=True) for name in names)"
    )
    manage("shell", "--command", make, DATABASE_URL=postgres.url)


def sign_in(url: str, name: str, password: str, page: str = "/accounts/login/") -> int:
    """The status of a sign-in with a new browser."""
    with closing(requests.Session()) as session:
        session.get(url + page, timeout=30)
        return try_password(session, url + page, name, password)


def try_password(session: requests.Session, page: str, name: str, password: str) -> int:
    token = next(cookie.value or "" for cookie in session.cookies if cookie.name.endswith("csrftoken"))
    form = {"username": name, "password": password, "csrfmiddlewaretoken": token}
    return session.post(page, form, timeout=30, allow_redirects=False).status_code


@contextmanager
def guessing(url: str, connections: int, name: Callable[[int], str]) -> Iterator[list[tuple[str, int]]]:
    """Guess as fast as possible. Yields the names and statuses so far."""
    guessed: list[tuple[str, int]] = []
    numbers, over = count(), threading.Event()

    def guess() -> None:
        with closing(requests.Session()) as session:
            page = f"{url}/accounts/login/"
            eventually(lambda: session.get(page, timeout=30).ok)
            while not over.is_set():
                user = name(next(numbers))
                guessed.append((user, try_password(session, page, user, "guess")))

    with ThreadPoolExecutor(connections) as pool:
        guesses = [pool.submit(guess) for _ in range(connections)]
        try:
            yield guessed
        finally:
            over.set()
        for each in guesses:
            each.result()


@pytest.mark.parametrize("names", GUESSES)
@pytest.mark.parametrize("connections", [3, 20])
def test_users_sign_in_read_and_write_while_passwords_are_guessed(
    postgres: Postgres, users: None, token: dict[str, str], connections: int, names: str
) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url) as service:
        asins = [product["asin"] for product in service.get(f"/products?limit={TRIES}").json()]
        with guessing(service.url, connections, GUESSES[names]) as guessed:
            # A guesser of many names uses them up, and then ranks last.
            used_up = len(USERS) if (connections, names) == (20, "users") else 1
            eventually(lambda: len({name for name, status in guessed if status == 200}) >= used_up, 75)
            signed_in, sources, written = [], [], []
            for asin, clerk in zip(asins, CLERKS, strict=True):  # each for the first time
                signed_in.append(sign_in(service.url, clerk, PASSWORD))
                sources.append(service.get(f"/products/{asin}").headers["X-Data-Source"])
                review = {"asin": asin, "reviewerID": f"{names} {connections}", "overall": 3}
                written.append(service.post("/reviews", json=review, headers=token).status_code)
            eventually(lambda: 429 in {status for _, status in guessed})
        assert signed_in.count(302) >= TRIES - 1
        assert set(sources) == {"live"}
        assert set(written) == {201}


def test_a_user_who_waits_as_told_signs_in_while_many_names_are_guessed(postgres: Postgres, users: None) -> None:
    with (
        Service("recommender_site", DATABASE_URL=postgres.url) as service,
        guessing(service.url, 12, lambda number: f"many-{number % MANY}") as guessed,
    ):
        eventually(lambda: guessed)
        for clerk in CLERKS[:3]:
            attempts = 0
            while sign_in(service.url, clerk, PASSWORD) == 429:
                attempts += 1
                assert attempts < 4
                time.sleep(1.1)  # Retry-After is 1


@pytest.mark.parametrize("names", ["one user", "made-up names"])
def test_the_ad_providers_admin_has_the_same_limits(ad_provider: Service, users: None, names: str) -> None:
    page = "/admin/login/"
    guesses = [sign_in(ad_provider.url, GUESSES[names](number), "guess", page) for number in range(8)]
    assert (guesses[0], guesses[-1]) == (200, 429)
    assert sign_in(ad_provider.url, "clerk", PASSWORD, page) == 302


def test_reads_continue_while_tokens_are_guessed(postgres: Postgres, asins: list[str], recommender: Service) -> None:
    over = threading.Event()

    def guess(number: int) -> set[int]:
        statuses = set()
        with closing(requests.Session()) as session:
            for tried in count():
                header = {"Authorization": f"Token {number:08x}{tried:032x}"}
                statuses.add(session.get(f"{recommender.url}/reviews", headers=header, timeout=30).status_code)
                if over.is_set():
                    return statuses
        return statuses

    with ThreadPoolExecutor(3) as pool:
        guesses = [pool.submit(guess, number) for number in range(3)]
        try:
            for asin in asins[:50]:
                assert recommender.get(f"/products/{asin}").headers["X-Data-Source"] == "live"
        finally:
            over.set()
        assert [each.result() for each in guesses] == [{401}] * 3


def test_a_sign_in_is_503_if_the_database_is_killed_while_the_session_is_saved(
    postgres: Postgres, users: None, admin: Admin
) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url, DB_DEADLINE="30") as service:
        postgres.ask(
            "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END';"
            "CREATE TRIGGER linger BEFORE UPDATE ON django_session FOR EACH ROW EXECUTE FUNCTION linger()"
        )
        with ThreadPoolExecutor(1) as pool:
            signing_in = pool.submit(sign_in, service.url, "clerk", PASSWORD)
            eventually(lambda: postgres.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
            postgres.kill()
            assert signing_in.result(10) == 503
        assert service.state("database") == "open"
        postgres.start()
        postgres.ask("DROP TRIGGER linger ON django_session; DROP FUNCTION linger")
        time.sleep(RESET)
        assert sign_in(service.url, "clerk", PASSWORD) == 302

"""What every test starts from: closed breakers, nothing remembered, and a way to lose the database for real."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import psycopg2
import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.db.backends.utils import CursorWrapper

from catalog.search import query
from catalog.withdrawals import Withdrawals, withdrawals
from resilience import breakers, fallback
from resilience.backends import protection
from service import background
from tests import emptying


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, keep the tests that use a database. The others ran with SQLite, and would only run again."""
    if connection.vendor == "postgresql":
        kept = [item for item in items if _uses_a_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if not _uses_a_database(item)])
        items[:] = kept


def _uses_a_database(item: pytest.Item) -> bool:
    # pytest-django refuses every query of a test without the marker or its fixtures; a skipif may be on the vendor.
    fixtures = {"db", "transactional_db", "own_database"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) or any(item.get_closest_marker(name) for name in ("django_db", "skipif"))


@pytest.fixture(autouse=True)
def fresh_breakers() -> Iterator[None]:
    breakers.get.cache_clear()
    fallback.stale_cache.clear()
    query.estimates.clear()
    yield
    breakers.get.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def as_in_a_service() -> Iterator[None]:
    """As in a service, each query is a protected call; but there are no background threads."""
    protection.turn_on()
    background.LOOPS.clear()
    # Each test's client makes the middleware anew. WhiteNoise would list all static files each time, for 30 ms.
    settings.WHITENOISE_AUTOREFRESH = True
    with emptying.quick():
        yield


@pytest.fixture
def unprotected_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a command, or inside of a protected call."""
    monkeypatch.setattr(protection, "_is_on", False)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite in a file, as in real life: one in memory has neither write-ahead logging nor a way to be lost."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("db") / "test.sqlite3")


@pytest.fixture
def lose_database(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after which every new connection to the database fails as if it were gone."""

    def lose() -> None:
        connection.close()
        nowhere: dict[str, Any] = {"NAME": "/nonexistent/shop.sqlite3"}
        if connection.vendor == "postgresql":
            nowhere = {"HOST": "127.0.0.1", "PORT": "1", "OPTIONS": {}}
        for name, value in nowhere.items():
            monkeypatch.setitem(connection.settings_dict, name, value)

    return lose


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that reach the database's driver from now on, whatever stands before it."""
    made: list[str] = []
    execute = CursorWrapper._execute  # type: ignore[attr-defined]

    def note(cursor: CursorWrapper, sql: str, *rest: object) -> object:
        made.append(sql)
        return execute(cursor, sql, *rest)

    monkeypatch.setattr(CursorWrapper, "_execute", note)
    return made


class CutCommit(Protocol):
    def __call__(self, meanwhile: Callable[[], object] = ..., cause: type[psycopg2.OperationalError] = ...) -> None: ...


@pytest.fixture
def cut_commit(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> CutCommit:
    """A function after which this thread's next COMMIT is carried out and fails with ``cause``, a cut connection.

    ``meanwhile`` is called in between, on a connection of its own.
    """

    def arrange(
        meanwhile: Callable[[], object] = lambda: None,
        cause: type[psycopg2.OperationalError] = psycopg2.OperationalError,
    ) -> None:
        own = connections["default"]
        commit = own.commit

        def elsewhere() -> None:
            try:
                meanwhile()
            finally:
                connections.close_all()

        def commit_and_hang_up() -> None:
            monkeypatch.setattr(own, "commit", commit)
            commit()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(elsewhere).result()
            own.close()
            raise OperationalError("hung up") from cause("the server closed the connection")

        monkeypatch.setattr(own, "commit", commit_and_hang_up)

    return arrange


@pytest.fixture(autouse=True)
def nothing_pending(settings: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What background threads would read or deliver waits until a test asks for it."""
    monkeypatch.setattr("catalog.withdrawals.SPREAD", 0)
    for name, value in vars(Withdrawals()).items():
        monkeypatch.setattr(withdrawals, name, value)
    monkeypatch.setattr(withdrawals, "_next", 0)  # else the first read would only note where it begins
    if "campaigns" in settings.INSTALLED_APPS:
        folder: Path = request.getfixturevalue("tmp_path")
        settings.ADS_SNAPSHOT_SECONDS, settings.ADS_SPOOL_DIR = 0, str(folder / "spool")

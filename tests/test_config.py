"""Settings come from the environment, and a value that cannot be used ends the start with one line naming it."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
Start = Callable[..., dict[str, Any]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Import the settings from a folder of their own, where no ``make run`` has left a SECRET_KEY."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(**environment: str) -> dict[str, Any]:
        monkeypatch.setattr(os, "environ", {"SECRET_KEY": "k" * 40} | environment)
        monkeypatch.setattr("environ.Env.ENVIRON", os.environ)
        for name in [name for name in sys.modules if name.partition(".")[0] == "config"]:
            monkeypatch.delitem(sys.modules, name)
        return vars(importlib.import_module("config.base"))

    return run


def test_the_defaults_are_those_of_the_design(start: Start, tmp_path: Path) -> None:
    settings = start()
    database = {"database": "default", "fail_max": 1, "reset_timeout": 20, "deadline": 2.0, "max_concurrent": 4}
    assert settings["BREAKERS"] == {"database": database}
    assert settings["DATABASES"]["default"]["ENGINE"] == "resilience.backends.sqlite3"
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "var/shop.sqlite3")
    assert (tmp_path / "var").is_dir()
    assert (settings["DEBUG"], settings["SABOTAGE"], settings["HTTPS"]) == (False, False, False)
    assert (settings["SECRET_KEY_FALLBACKS"], settings["TRUSTED_PROXIES"]) == ([], 0)
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["CORS_ALLOWED_ORIGINS"] == ["http://localhost:4200"]


def test_in_production_no_other_origin_acts_for_users_by_default(start: Start) -> None:
    settings = start(HTTPS="on")
    assert settings["CORS_ALLOWED_ORIGINS"] == settings["CSRF_TRUSTED_ORIGINS"] == []


@pytest.mark.parametrize(("threads", "places"), [("1", 1), ("3", 1), ("20", 10)])
def test_a_dependency_may_hold_half_of_the_threads(start: Start, threads: str, places: int) -> None:
    assert start(THREADS=threads)["BREAKERS"]["database"]["max_concurrent"] == places


def test_each_value_comes_from_the_environment(start: Start) -> None:
    settings = start(
        TRUSTED_PROXIES="2",
        SECRET_KEY_FALLBACKS=f"{'o' * 40}, {'p' * 32}",
        DATABASE_URL="postgres://me:p%40ss@db.example:5433/shop",
        DB_FAIL_MAX="5",
        DB_RESET_TIMEOUT="0.5",
        DB_DEADLINE="7",
        DB_MAX_CONCURRENT="3",
        DEBUG="Yes",
        SABOTAGE="1",
        HTTPS="TRUE",
        ALLOWED_HOSTS="shop.example,www.shop.example",
        CORS_ALLOWED_ORIGINS="https://shop.example,http://localhost:3000",
    )
    breaker = {"database": "default", "fail_max": 5, "reset_timeout": 0.5, "deadline": 7, "max_concurrent": 3}
    assert settings["BREAKERS"]["database"] == breaker
    database = settings["DATABASES"]["default"]
    assert (database["USER"], database["PASSWORD"], database["NAME"]) == ("me", "p@ss", "shop")
    assert (database["HOST"], database["PORT"]) == ("db.example", 5433)
    assert (settings["DEBUG"], settings["SABOTAGE"], settings["HTTPS"]) == (True, True, True)
    assert settings["TRUSTED_PROXIES"] == 2
    assert settings["SECRET_KEY_FALLBACKS"] == ["o" * 40, "p" * 32]
    assert settings["ALLOWED_HOSTS"] == ["shop.example", "www.shop.example"]
    assert settings["CORS_ALLOWED_ORIGINS"] == ["https://shop.example", "http://localhost:3000"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == settings["CORS_ALLOWED_ORIGINS"]


def test_the_database_may_be_a_socket_or_several_hosts_with_options_of_their_own(start: Start) -> None:
    def database(url: str, **more: str) -> dict[str, Any]:
        found: dict[str, Any] = start(DATABASE_URL=url, **more)["DATABASES"]["default"]
        return found

    assert database("postgres://me@db/shop")["CONN_MAX_AGE"] == 600
    assert database("postgres://me@db/shop?CONN_MAX_AGE=0")["CONN_MAX_AGE"] == 0
    assert database("postgres://me:p%2Fw@%2FVar%2Frun%2Fpg/shop")["HOST"] == "/Var/run/pg"
    assert database("postgres://me@h1:5433,h2:5434/shop")["HOST"] == "h1,h2"
    assert database("postgres://me@h1:5433,h2:5434/shop")["PORT"] == "5433,5434"
    assert not database("postgres://me@db/shop")["DISABLE_SERVER_SIDE_CURSORS"]
    assert database("postgres://me@db/shop", DB_POOLER="transaction")["DISABLE_SERVER_SIDE_CURSORS"]


def test_a_standby_has_a_breaker_of_its_own_and_an_sqlite_file_is_never_written(start: Start, tmp_path: Path) -> None:
    assert start()["STANDBY_DATABASE"] == ""
    settings = start(STANDBY_URL=f"sqlite:///{tmp_path}/standby.sqlite3", DB_DEADLINE="3")
    assert settings["STANDBY_DATABASE"] == "standby"
    assert settings["BREAKERS"]["standby"] == {**settings["BREAKERS"]["database"], "database": "standby"}
    assert settings["DATABASES"]["standby"]["OPTIONS"] == {"init_command": "PRAGMA query_only = ON"}
    replica = start(STANDBY_URL="postgres://me@replica/shop")["DATABASES"]["standby"]
    assert (replica["ENGINE"], replica["HOST"]) == ("resilience.backends.postgresql", "replica")


def test_the_key_of_make_run_is_found_and_the_environment_wins(start: Start, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/local.env").write_text("SECRET_KEY=" + "l" * 40 + "\nSABOTAGE=on\n")
    settings = start(SABOTAGE="off")
    assert (settings["SECRET_KEY"], settings["SABOTAGE"]) == ("k" * 40, False)


UNUSABLE = {
    "SECRET_KEY": ["", "short"],
    "SECRET_KEY_FALLBACKS": ["short", "o" * 40 + ",short", "o" * 31],
    "TRUSTED_PROXIES": ["-1", "11", "one", "1.5", ""],
    "DEBUG": ["maybe", "2"],
    "HTTPS": ["https"],
    "SABOTAGE": ["onn"],
    "DB_FAIL_MAX": ["0", "-1", "1.5", "many", "1001", ""],
    "DB_RESET_TIMEOUT": ["0", "-1", "soon", "nan", "inf", "1e9", ""],
    "DB_DEADLINE": ["0", "2s", "nan"],
    "ALLOWED_HOSTS": ["", "http://shop.example"],
    "DB_POOLER": ["", "on", "session"],
    "DATABASE_URL": [
        "",
        "shop.sqlite3",
        "mysql://me@db/shop",
        "postgres://me@db:port/shop",
        "postgres://me@db:5432/",
        "postgres://me@db/shop?bogus=1",
        "postgres://me@db/shop?CONN_MAX_AGE=long",
        "sqlite:////proc/shop/x",
    ],
    "STANDBY_URL": ["replica", "mysql://me@db/shop"],
    "CORS_ALLOWED_ORIGINS": ["*", "shop.example", "https://shop.example/", "https://a.example,nonsense", "http://"],
    "OTEL_EXPORTER_OTLP_ENDPOINT": ["collector:4318", "ftp://collector"],
    "SENTRY_DSN": ["on", "http://"],
}


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN"])
def test_an_extra_without_its_packages_names_the_setting(
    start: Start, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    start()
    with pytest.raises(SystemExit, match=rf"^{name}: needs packages: pip install -r requirements-observability.txt$"):
        start(**{name: "http://key@collector:4318/1"})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in UNUSABLE for value in UNUSABLE[name]])
def test_an_unusable_value_ends_the_start_with_one_line_that_names_it(start: Start, name: str, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        start(**{name: value})
    line = str(ended.value.code)
    assert line.startswith(f"{name}: must be ")
    assert "\n" not in line


def test_the_line_does_not_give_a_password_away(start: Start) -> None:
    with pytest.raises(SystemExit) as ended:
        start(DATABASE_URL="postgres://me:open-sesame@db:port/shop")
    assert "open-sesame" not in str(ended.value.code)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("project", "name", "value"),
    [
        ("recommender", "DB_DEADLINE", "soon"),
        ("recommender", "DATABASE_URL", "shop.sqlite3"),
        ("recommender", "THREADS", "none"),
        ("recommender", "STALE_MAX_AGE", "a day"),
        ("recommender", "DB_MAX_CONCURRENT", "0"),
        ("recommender", "AD_MAX_CONCURRENT", "-1"),
        ("recommender", "REDIS_URL", "redis"),
        ("recommender", "REDIS_URL", "http://redis:6379"),
        ("ad_provider", "REDIS_URL", "redis://redis:many"),
        ("recommender", "AD_PROVIDER_URL", "ads.example"),
        ("recommender", "AD_PROVIDER_URL", "http://"),
        ("recommender", "AD_PROVIDER_URL", "http://ads:80a"),
        ("recommender", "AD_FAIL_MAX", "0"),
        ("ad_provider", "SECRET_KEY", "short"),
        ("ad_provider", "SECRET_KEY_FALLBACKS", "short"),
        ("ad_provider", "ADS_ADDRESS_CLICKS", "0"),
        ("ad_provider", "ADS_DATACENTRES", "/proc/nowhere"),
        ("ad_provider", "ADS_DATACENTRES", "/proc/self/status"),
    ],
)
def test_on_the_terminal_it_is_that_line_and_nothing_else(project: str, name: str, value: str) -> None:
    command = [sys.executable, f"manage_{project}.py", "check"]
    own = {"DJANGO_SETTINGS_MODULE": f"{project}_site.settings"}
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | own | {name: value}, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"{name}: must be ")
    assert ended.stderr.count("\n") == 1

"""What compose.yaml promises, read from the file, and the secrets that it asks for."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
SECRETS = set(re.findall(r"\$\{(\w+):\?", COMPOSE)) | {"SECRET_KEY"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_a_limit_of_memory(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])


@pytest.mark.parametrize("name", ["setup", "recommender", "ad-provider"])
def test_the_services_are_no_superuser_and_have_a_password_for_redis(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["DATABASE_URL"].startswith("postgres://shop:")
    assert environment["REDIS_URL"].startswith("redis://:${REDIS_PASSWORD")
    assert "POSTGRES_USER" not in SERVICES["postgres"]["environment"]  # the superuser is another one
    assert "--requirepass" in SERVICES["redis"]["command"]


def test_every_package_gets_into_the_image() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {*contracts["root_packages"], "config"}
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{package}" for package in packages} <= {*kept}
    assert packages >= {each.parent.name for each in ROOT.glob("*/apps.py")}


def megabytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mg])", text).groups()  # type: ignore[union-attr]
    return int(number) * (1024 if unit == "g" else 1)


def test_bodies_cannot_fill_the_file_system_of_the_edges_cache() -> None:
    edge = SERVICES["edge"]
    sizes = dict(re.fullmatch(r"([/\w]+):size=(\w+),mode=1777", each).groups() for each in edge["tmpfs"])  # type: ignore[union-attr,misc]
    assert sizes.keys() == {"/tmp", edge["environment"]["EDGE_TEMP_DIR"]}
    assert len(sizes) == 2
    kept = re.findall(r"max_size=(\w+)", (ROOT / "docker/edge/nginx.conf").read_text())
    assert 2 * sum(map(megabytes, kept)) <= megabytes(sizes["/tmp"])  # nginx goes beyond them for ten seconds
    # The bodies that one address may send at a time, of a megabyte each.
    assert megabytes(sizes[edge["environment"]["EDGE_TEMP_DIR"]]) > 200
    assert sum(map(megabytes, sizes.values())) + 256 <= megabytes(edge["mem_limit"])


def test_the_edge_has_the_same_default_of_origins_as_the_services() -> None:
    environment = SERVICES["edge"]["environment"]
    assert environment["HTTPS"] == "${HTTPS:-}"
    assert environment["CORS_ALLOWED_ORIGINS"] is None  # from .env or unset; an empty one would mean none


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_that_starts_again_can_write_to_its_folders_in_memory(name: str) -> None:
    # runc before 1.1.8 gives a folder the mode that it has in the image, or 0755 if it made the folder at the first
    # start.
    folders = {each.split(":")[0] for each in SERVICES[name].get("tmpfs", [])}
    assert folders <= {"/tmp", "/var/tmp"}


def test_whoever_moves_the_database_stops_every_container_that_uses_it() -> None:
    # PostgreSQL renames no database that is in use, and a refresh of the standby takes minutes.
    users = {name for name, service in SERVICES.items() if service["image"] == "shop" and name != "setup"}
    stops = re.findall(r"^docker compose stop (.+)$", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE)
    assert [{*each.split()} for each in stops] == [users, users]


def set_up(folder: Path, **environment: str) -> tuple[int, list[str]]:
    """What the container ``setup`` calls. It quotes variables as a shell does; compose fills in the same ones."""
    python = folder / "python"
    python.write_text('#!/bin/sh\necho "$1" "$2" "$3" "$4"\n')
    python.chmod(0o755)
    shell, flags, script = SERVICES["setup"]["command"]
    path = f"{folder}:/usr/bin:/bin"
    done = subprocess.run([shell, flags, script], env={"PATH": path} | environment, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_a_production_database_gets_no_demo(tmp_path: Path) -> None:
    migrations = [f"manage_{name}.py migrate --verbosity=0 " for name in ("recommender", "ad_provider")]
    build = "manage_recommender.py build_recommendations --if-changed "
    for environment in ({}, {"DEMO": ""}, {"DEMO": "off"}):
        assert set_up(tmp_path, **environment) == (0, [*migrations, build])
    demo = [
        "manage_recommender.py seed_demo --if-empty --base-url=https://x",
        "manage_ad_provider.py seed_campaigns --if-empty ",
    ]
    assert set_up(tmp_path, DEMO="on", RECOMMENDER_PUBLIC_URL="https://x") == (0, [*migrations, *demo, build])
    assert set_up(tmp_path, DEMO="yes") == (1, [*migrations, "DEMO: must be on or off"])


@pytest.mark.parametrize(("fails", "pause"), [("", "86400"), ("rollup", "600")])
def test_the_jobs_run_daily_and_again_soon_after_a_failure(tmp_path: Path, fails: str, pause: str) -> None:
    for name, body in (
        ("python", f'echo "$1" "$2" "$3"; [ "$2" != "{fails}" ]'),
        ("sleep", 'echo sleep "$1"; kill $PPID'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(SERVICES["jobs"]["command"], env=env, capture_output=True, text=True, timeout=60)
    lines = [line.strip() for line in done.stdout.splitlines()]
    jobs = [
        "manage_recommender.py build_recommendations --if-changed",
        "manage_ad_provider.py rollup",
        "manage_ad_provider.py reconcile",
    ]
    assert lines == [*(jobs[:2] if fails else jobs), f"sleep {pause}"]


def test_a_container_refreshes_the_standby_that_the_services_read() -> None:
    for name in ("standby", "recommender", "ad-provider"):
        assert SERVICES[name]["environment"]["STANDBY_URL"] == "${STANDBY_URL:-sqlite:////standby/shop.sqlite3}"
        assert "standby:/standby" in SERVICES[name]["volumes"]
    assert SERVICES["standby"]["command"] == ["python", "manage_recommender.py", "refresh_standby", "--every=300"]
    assert "--owner=shop /spool /standby" in (ROOT / "docker/Dockerfile").read_text()


def make_env(folder: Path) -> dict[str, str]:
    subprocess.run([sys.executable, ROOT / "docker/make_env.py"], cwd=folder, check=True)
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())


def test_the_secrets_are_made_once(tmp_path: Path) -> None:
    made = make_env(tmp_path)
    assert made.keys() == SECRETS
    assert all(re.fullmatch(r"[\w-]{64}", secret) for secret in made.values())  # nothing that a URL would have to quote
    assert len(set(made.values())) == len(made)
    assert make_env(tmp_path) == made


def test_a_secret_that_is_missing_is_added_and_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o600)
    (tmp_path / ".env").write_text("SECRET_KEY=mine\nHTTPS=on\nPOSTGRES_PASSWORD=old")
    made = make_env(tmp_path)
    assert made.pop("REDIS_PASSWORD")
    assert made == {"SECRET_KEY": "mine", "HTTPS": "on", "POSTGRES_PASSWORD": "old"}

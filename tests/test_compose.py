"""What compose.yaml promises, read from the file, and the secrets that it asks for."""

import re
import subprocess
import sys
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

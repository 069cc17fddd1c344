"""Schemathesis sends both services what their schemas allow, and much that they do not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.services import Postgres, Service

# Not the status codes: gunicorn itself refuses a request line that is too long, which no schema says.
CHECKS = [
    "not_a_server_error",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
]


@pytest.mark.parametrize("site", ["recommender_site", "ad_provider_site"])
def test_no_input_opens_a_breaker_or_causes_a_server_error(
    site: str, postgres: Postgres, ad_provider: Service, token: dict[str, str], tmp_path: Path
) -> None:
    # Long deadlines, so that a slow machine opens no breaker.
    deadlines = {"DB_DEADLINE": "10", "AD_DEADLINE": "10"}
    with Service(site, DATABASE_URL=postgres.url, AD_PROVIDER_URL=ad_provider.url, **deadlines) as service:
        ask_everything(service, token, tmp_path)
        assert set(service.get("/readyz").json()["dependencies"].values()) == {"closed"}


def ask_everything(service: Service, token: dict[str, str], folder: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{service.url}/schema",
        f"--header=Authorization: {token['Authorization']}",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=40",
        "--seed=1",
        "--exclude-path-regex=^/(sabotage|breakers/)",  # these open a breaker on purpose
        "--generation-database=none",
        "--warnings=off",
        f"--checks={','.join(CHECKS)}",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert passed, done.stdout[-2000:]
    assert int(passed[1]) > 50

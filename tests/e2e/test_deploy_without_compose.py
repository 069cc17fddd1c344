"""The commands of docs/deployment.md under "Deploy without compose" bring up both services."""

import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import requests

from tests.e2e.services import ROOT, Postgres, eventually, free_port

THROUGH_THE_PROXY = {"X-Forwarded-Proto": "https", "Host": "shop.example"}


def test_the_commands_as_written_start_both_services(postgres: Postgres) -> None:
    section = (ROOT / "docs/deployment.md").read_text().split("\n## Deploy without compose\n")[1]
    script: str = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0]
    ports = {8000: free_port(), 8001: free_port()}
    # What a reader fills in, what is installed here already, and ports that are free.
    for old, new in (
        ("pip install -r requirements.txt", ""),
        ("postgres://shop:password@db.example:5432/shop", postgres.url),
        ("createsuperuser", "createsuperuser --noinput"),
        *((f"127.0.0.1:{port}", f"127.0.0.1:{free}") for port, free in ports.items()),
    ):
        assert old in script
        script = script.replace(old, new)
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "AD_PROVIDER_URL": f"http://127.0.0.1:{ports[8001]}",  # as by default, but for the port
        "DJANGO_SUPERUSER_USERNAME": "operator",
        "DJANGO_SUPERUSER_EMAIL": "operator@shop.example",
        "DJANGO_SUPERUSER_PASSWORD": "a-long-password",
    }
    shell = subprocess.Popen(["sh", "-ec", script + "wait\n"], cwd=ROOT, env=env, start_new_session=True)
    try:
        for port in ports.values():
            eventually(partial(requests.get, f"http://127.0.0.1:{port}/readyz", timeout=5), seconds=60)
        assert postgres.ask("SELECT is_superuser FROM auth_user WHERE username = 'operator'") == [(True,)]
        for path in ("/products", "/ads"):
            url = f"http://127.0.0.1:{ports[8000]}{path}"
            answer = requests.get(url, headers=THROUGH_THE_PROXY, timeout=10)
            assert (answer.status_code, answer.headers["X-Data-Source"]) == (200, "live"), path
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(60)

"""A real nginx with the edge's configuration in front of services of the tests."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.services import ROOT, eventually, free_port

MISSING = "needs nginx: apt-get install nginx"


class Edge:
    """The edge in front of services at these ports, with ``settings`` as in docker/edge/start.sh. ``url`` leads to the
    recommender."""

    def __init__(self, recommenders: list[int], ad_provider: int, **settings: str) -> None:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            assert not os.environ.get("CI"), MISSING
            pytest.skip(MISSING)
        self.port, self.ads_port, self.tls_port = free_port(), free_port(), free_port()
        self.url, self.ads_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.ads_port}"
        self.folder = Path(tempfile.mkdtemp(prefix="edge-", dir="/tmp"))
        self.folder.chmod(0o755)  # nginx's workers are another user, if it is started by root
        env = {
            "PATH": f"{os.environ['PATH']}:{Path(program).parent}",
            "EDGE_DIR": str(self.folder / "edge"),
            "EDGE_RECOMMENDERS": ",".join(f"127.0.0.1:{port}" for port in recommenders),
            "EDGE_AD_PROVIDERS": f"127.0.0.1:{ad_provider}",
            "EDGE_RECOMMENDER_PORT": str(self.port),
            "EDGE_AD_PROVIDER_PORT": str(self.ads_port),
            "EDGE_TLS_PORT": str(self.tls_port),
        }
        with (self.folder / "access").open("w") as log, (self.folder / "errors").open("w") as errors:
            start = [ROOT / "docker/edge/start.sh"]
            self.process = subprocess.Popen(start, env=env | settings, stdout=log, stderr=errors)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, **{"timeout": 20, **options})

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=20, **options)

    def requests(self) -> list[dict[str, Any]]:
        """The lines of the access log."""
        return [json.loads(line) for line in (self.folder / "access").read_text().splitlines()]

    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    def __enter__(self) -> "Edge":
        eventually(lambda: self.process.poll() is not None or self.get("/", allow_redirects=False).status_code)
        assert self.process.poll() is None, self.errors()
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        ended = self.process.wait(15)
        shutil.rmtree(self.folder)
        assert ended == 0

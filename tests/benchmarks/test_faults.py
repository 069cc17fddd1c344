"""The harness that breaks what is behind a service, on a service that is none of ours."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.fault_table import percentile, summary
from tests.e2e.load import Sample
from tests.e2e.services import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """While this file is there, the service answers nothing but errors."""
    return tmp_path / "broken"


@pytest.fixture
def url(broken: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(500 if broken.exists() else status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.answer(200)

        def do_POST(self) -> None:
            self.answer(201)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "benchmarks.faults", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_any_service_can_be_put_through_it(url: str, broken: Path, tmp_path: Path) -> None:
    picture = tmp_path / "fault.png"
    times = ("--seconds=3", "--fault=1", f"--picture={picture}")
    faults = (f"--break=touch {broken}", f"--mend=rm {broken}")
    done = run(url, "--path=/", *faults, *times, "--write", "/notes", '{"note": {n}}')
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^ *(\S.*?)  +([\d,]+)$", done.stdout, re.MULTILINE)
    count = {label: int(figure.replace(",", "")) for label, figure in lines}
    assert 0 < count["errors (5xx or no answer)"] < count["reads"] / 2
    assert 0 < count["errors (other 5xx or no answer)"] < count["acknowledged (201)"] < count["writes"]
    assert "of these found afterwards" not in count  # nobody looked
    with Image.open(picture) as image:
        assert image.size == (1600, 700)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--path=/"], "--break"),
        (["--path=/", "--break=true", "--mend=true", "--header=nonsense"], "--header"),
        (["--path=/", "--break=true", "--mend=true", "--write", "/", "{n"], "--write"),
        (["--path=/", "--break=exit 3", "--mend=true", "--seconds=1"], "exit 3: ended with 3"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(url: str, words: list[str], said: str) -> None:
    done = run(url, *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr.splitlines()[-1]


def test_the_figures_are_those_of_the_samples() -> None:
    samples = [
        Sample(0.5, 0.010, 200, "live", "GET", "/"),
        Sample(0.6, 0.030, 200, "live", "GET", "/"),
        Sample(1.5, 0.002, 200, "stale", "GET", "/"),
        Sample(1.6, 2.0, 0, "", "GET", "/"),
        Sample(1.7, 0.001, 503, "", "POST", "/"),
        Sample(2.5, 0.020, 201, "", "POST", "/"),
        Sample(2.6, 0.004, 200, "default", "GET", "/"),
    ]
    assert summary(samples, (1, 2), found=1) == {
        "reads": 5,
        "read_errors": 1,
        "p50_before_ms": 10,
        "p50_during_ms": 2,
        "p50_after_ms": 4,
        "p99_before_ms": 30,
        "p99_during_ms": 2000,
        "p99_after_ms": 4,
        "longest_ms": 2000,
        "live": 2,
        "stale": 1,
        "default": 1,
        "unmarked": 0,
        "writes": 2,
        "acknowledged": 1,
        "found": 1,
        "refused": 1,
        "write_errors": 0,
    }


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1, 100), (0.001, 1)])
def test_percentiles_are_nearest_rank(share: float, expected: int) -> None:
    assert percentile(range(100, 0, -1), share) == expected

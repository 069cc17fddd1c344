"""How the services start, and how they refuse to start."""

import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.e2e.services import ENVIRONMENT, ROOT, Postgres, Service, eventually, free_port

BAD_SETTINGS = [
    ("SECRET_KEY", ""),
    ("SECRET_KEY", "short"),
    ("DATABASE_URL", "mysql://somewhere/shop"),
    ("DB_RESET_TIMEOUT", "soon"),
    ("DB_FAIL_MAX", "0"),
    ("AD_DEADLINE", "-1"),
    ("RECOMMEND_TEXT", "much"),
    ("RECOMMEND_HALF_LIFE", "0"),
    ("RECOMMEND_NEIGHBOURS", "1.5"),
    ("AD_PROVIDER_URL", "ftp://ads.example"),
    ("SABOTAGE", "maybe"),
    ("THREADS", "several"),
]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS)
def test_an_invalid_setting_ends_the_start_with_one_line(name: str, value: str) -> None:
    gunicorn = ["-m", "gunicorn", f"--bind=127.0.0.1:{free_port()}", "recommender_site.wsgi"]
    for command in (gunicorn, ["manage_recommender.py", "check"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=ENVIRONMENT | {name: value}, capture_output=True, text=True
        )
        assert done.returncode != 0
        assert done.stdout == ""
        said = [line for line in done.stderr.splitlines() if "[INFO]" not in line]
        assert len(said) == 1
        assert said[0].startswith(f"{name}: must be ")
        assert len(value) < 4 or value not in said[0]


@pytest.mark.parametrize("command", ["migrate", "seed_demo --products=20 --reviewers=10", "createsuperuser"])
def test_a_server_without_required_tls_is_one_line(postgres: Postgres, command: str) -> None:
    words = [sys.executable, "manage_recommender.py", *command.split()]
    env = ENVIRONMENT | {"DATABASE_URL": f"{postgres.url}?sslmode=require"}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch("CommandError: the database cannot be used: .*SSL.*\n", done.stderr)


@pytest.mark.parametrize(("port", "setting"), [(8000, "RECOMMENDER_PORT"), (8001, "AD_PROVIDER_PORT")])
def test_make_run_refuses_a_port_in_use(port: int, setting: str) -> None:
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        done = subprocess.run([sys.executable, "scripts/run_local.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    advice = f"end what listens there, or set {setting} to another port"
    assert done.stderr == f"port {port} is taken or not allowed; {advice}\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("recommender", "ad_provider"), [("0", "8001"), ("80a", "8001"), ("8000", "70000"), ("1", "1")]
)
def test_make_run_refuses_what_is_no_port(recommender: str, ad_provider: str) -> None:
    env = ENVIRONMENT | {"RECOMMENDER_PORT": recommender, "AD_PROVIDER_PORT": ad_provider}
    done = subprocess.run([sys.executable, "scripts/run_local.py"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"(RECOMMENDER|AD_PROVIDER)_PORT: must .*port.*\n", done.stderr)


def test_make_run_uses_other_ports_where_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/run_local.py").write_text((ROOT / "scripts/run_local.py").read_text())
    # Stands for the commands, which say where they would find the services.
    for project in ("recommender", "ad_provider"):
        (tmp_path / f"manage_{project}.py").write_text(
            "import os, sys; print(sys.argv[1:], *(os.environ.get(name) for name in"
            " ('RECOMMENDER_PUBLIC_URL', 'AD_PROVIDER_PUBLIC_URL', 'AD_PROVIDER_URL')), flush=True)"
        )
    (tmp_path / "gunicorn.py").write_text("import sys; print(sys.argv[1:], flush=True); sys.exit(1)")
    first, second = free_port(), free_port()
    env = ENVIRONMENT | {"RECOMMENDER_PORT": str(first), "AD_PROVIDER_PORT": str(second)}
    command = [sys.executable, "scripts/run_local.py"]
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True).stdout
    assert f"['seed_demo', '--if-empty', '--base-url=http://localhost:{first}']" in said
    assert f"http://localhost:{first} http://localhost:{second} http://127.0.0.1:{second}" in said
    for port, site in ((first, "recommender_site"), (second, "ad_provider_site")):
        assert f"['--bind=127.0.0.1:{port}', '--log-level=warning', '{site}.wsgi']" in said


def test_metrics_are_sums_over_worker_processes(postgres: Postgres, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": postgres.url, "WEB_CONCURRENCY": "2", "TMPDIR": str(tmp_path)}
    with Service("ad_provider_site", **settings) as service:
        for _ in range(40):
            service.post("/ads", json={"limit": 1})
        for _ in range(5):  # either worker may answer
            found = re.findall(
                r'^answers_total\{.*source="live".*\} (\S+)$', service.get("/metrics").text, re.MULTILINE
            )
            assert found == ["40.0"]
    assert list(tmp_path.iterdir()) == []


def test_counts_stay_and_files_do_not_grow_when_workers_are_killed(postgres: Postgres, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": postgres.url, "WEB_CONCURRENCY": "2", "TMPDIR": str(tmp_path)}
    with Service("ad_provider_site", **settings) as service:
        master = psutil.Process(service.process.pid)
        for killed in range(1, 5):
            for _ in range(10):
                service.post("/ads", json={"limit": 1})
            victim = master.children()[0]
            victim.kill()
            victim.wait(10)
            eventually(lambda: len(master.children()) == 2)
            found = re.findall(
                r'^http_requests_total\{.*view="ads".*\} (\S+)$', service.get("/metrics").text, re.MULTILINE
            )
            assert found == [f"{killed * 10:.1f}"]
        pids = {file.stem.rpartition("_")[2] for file in tmp_path.rglob("*.db")}
        assert pids <= {"merged", str(master.pid), *(str(child.pid) for child in master.children())}


def test_a_service_starts_without_a_database() -> None:
    with Service("recommender_site", DATABASE_URL=f"postgres://nobody@127.0.0.1:{free_port()}/shop") as service:
        answer = service.get("/products/D123")
        assert (answer.status_code, answer.headers["X-Data-Source"]) == (200, "default")
        assert answer.json()["asin"] == "D123"


def test_without_the_setting_there_is_no_sabotage(postgres: Postgres) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url) as service:
        assert service.post("/sabotage-db").status_code == 404
        assert service.post("/sabotage-ad-server").status_code == 404
        assert service.get("/readyz").json()["status"] == "ready"


def test_the_metrics_of_a_new_service_are_zero(postgres: Postgres) -> None:
    with Service("ad_provider_site", DATABASE_URL=postgres.url) as service:
        told = service.get("/metrics").text
    for counter in ("breaker_failures_total", "breaker_rejections_total"):
        assert f'{counter}{{breaker="database"}} 0.0' in told
    for source in ("live", "stale", "default"):
        assert f'answers_total{{breaker="database",source="{source}"}} 0.0' in told


def test_concurrent_first_requests_for_the_schema_all_succeed(postgres: Postgres) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url) as service, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: service.get("/schema?format=json"), range(8)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert "/products" in answers[0].json()["paths"]


def test_a_worker_is_replaced_after_a_cleanup_of_temporary_files(tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}"}
    with Service("recommender_site", **env) as service:
        (worker,) = psutil.Process(service.process.pid).children()
        for metrics in tmp_path.glob("metrics-*"):
            shutil.rmtree(metrics)
        worker.kill()
        eventually(lambda: worker not in psutil.Process(service.process.pid).children())
        assert eventually(lambda: service.get("/livez").ok)
        assert "breaker_state" in service.get("/metrics").text

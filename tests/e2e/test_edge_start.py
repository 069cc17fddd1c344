"""The edge's settings, its TLS, and clients that are slow."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.e2e import raw_http
from tests.e2e.services import ROOT, Postgres, Service, eventually
from tests.edge import Edge

START = ROOT / "docker/edge/start.sh"


def start(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script with an nginx that ends at once."""
    nginx = folder / "nginx"
    nginx.write_text("#!/bin/sh\n")
    nginx.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "EDGE_DIR": str(folder / "edge")}
    return subprocess.run([START], env=env | settings, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXIES", "two"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "11"),
        ("EDGE_OPERATORS", "my-laptop"),
        ("EDGE_OPERATORS", "10.0.0.0/8; deny all"),
        ("EDGE_OPERATORS", ","),
        ("EDGE_OPERATORS", "10.0.0.0/8\nderived"),
        ("EDGE_RECOMMENDERS", "recommender"),
        ("EDGE_RECOMMENDERS", "recommender:8000; }"),
        ("EDGE_AD_PROVIDERS", "http://ad-provider:8001"),
        ("EDGE_TLS_PORT", "https"),
        ("CORS_ALLOWED_ORIGINS", "shop.example"),
        ("CORS_ALLOWED_ORIGINS", 'https://shop.example" 1; }'),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str) -> None:
    done = start(tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: must be ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ({}, "http://localhost:4200"),
        ({"HTTPS": "off"}, "http://localhost:4200"),
        ({"HTTPS": "On"}, None),
        ({"CORS_ALLOWED_ORIGINS": ""}, None),
        ({"HTTPS": "on", "CORS_ALLOWED_ORIGINS": "https://shop.example"}, "https://shop.example"),
    ],
)
def test_the_default_of_origins_is_that_of_the_services(
    tmp_path: Path, given: dict[str, str], origins: str | None
) -> None:
    assert start(tmp_path, **given).returncode == 0
    written = (tmp_path / "edge/generated/origins.conf").read_text()
    assert written == (f'"{origins}" $http_origin;\n' if origins else "")


def test_a_second_start_in_the_same_folder_works(tmp_path: Path) -> None:
    assert [start(tmp_path).returncode, start(tmp_path, TRUSTED_PROXIES="2").returncode] == [0, 0]
    assert "{1}" in (tmp_path / "edge/generated/client.conf").read_text()


@pytest.mark.parametrize("name", ["EDGE_DIR", "EDGE_TEMP_DIR"])
def test_a_folder_that_others_can_change_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    used = folder if name == "EDGE_DIR" else folder / "temp"
    used.mkdir(parents=True)
    assert start(tmp_path, **{name: str(folder)}).returncode == 0
    for mode in (0o777, 0o775):
        used.chmod(mode)
        done = start(tmp_path, **{name: str(folder)})
        assert (done.returncode, done.stderr.split(": ")[0]) == (1, name)
    used.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(folder)
    if name == "EDGE_DIR":
        assert start(tmp_path, EDGE_DIR=str(link)).returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edge/generated").mkdir(parents=True)
    os.chown(tmp_path / "edge", 65534, 65534)
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    (tmp_path / "edge/generated/operators.conf").symlink_to(precious)
    done = start(tmp_path)
    assert (done.returncode, done.stderr.startswith("EDGE_DIR: must be a folder of your own")) == (1, True)
    assert precious.read_text() == "as it was"


def test_a_single_address_is_not_tried_twice(tmp_path: Path) -> None:
    upstreams = tmp_path / "edge/generated/upstreams.conf"
    assert (
        start(tmp_path, EDGE_RECOMMENDERS="192.0.2.1:8000", EDGE_AD_PROVIDERS="192.0.2.1:1,192.0.2.2:1").returncode == 0
    )
    assert "server 192.0.2.1:8000 max_fails=0 backup" not in upstreams.read_text()
    assert "server 192.0.2.2:1 max_fails=0 backup" in upstreams.read_text()
    assert start(tmp_path).returncode == 0  # a name may have several addresses
    assert "server recommender:8000 resolve max_fails=0 backup" in upstreams.read_text()


def test_names_of_services_are_looked_up_again(tmp_path: Path) -> None:
    assert start(tmp_path, EDGE_RECOMMENDERS="shop-1:8000,192.0.2.1:8000").returncode == 0
    upstreams = (tmp_path / "edge/generated/upstreams.conf").read_text()
    assert "server shop-1:8000 resolve " in upstreams
    assert "server 192.0.2.1:8000 max_fails" in upstreams
    assert "server ad-provider:8001 resolve " in upstreams


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and ads.localhost."""
    folder = tmp_path_factory.mktemp("certificates")
    folder.chmod(0o755)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("ads.localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(hosts, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "tls.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder


def test_tls_needs_the_host_name_of_the_ad_provider(tmp_path: Path, certificates: Path) -> None:
    for url in ("", "http://ads.shop.example", "https://"):
        done = start(tmp_path, EDGE_CERTIFICATES=str(certificates), AD_PROVIDER_PUBLIC_URL=url)
        assert done.returncode == 1
        assert done.stderr.startswith("AD_PROVIDER_PUBLIC_URL: must be https://")


def test_with_certificates_the_edge_speaks_tls(postgres: Postgres, certificates: Path) -> None:
    settings = {"DATABASE_URL": postgres.url, "HTTPS": "on", "TRUSTED_PROXIES": "1"}
    hosts = {"ALLOWED_HOSTS": "localhost,ads.localhost,127.0.0.1"}
    tls = {"EDGE_CERTIFICATES": str(certificates), "AD_PROVIDER_PUBLIC_URL": "https://ads.localhost"}
    with (
        Service("ad_provider_site", **settings, **hosts) as ad_provider,
        Service("recommender_site", AD_PROVIDER_URL=ad_provider.url, **settings, **hosts) as recommender,
        Edge([recommender.port], ad_provider.port, **tls) as edge,
        requests.Session() as browser,
    ):
        browser.trust_env = False  # the environment may name other certificates
        browser.verify = str(certificates / "tls.crt")
        url = f"https://localhost:{edge.tls_port}"
        for _ in range(2):
            response = browser.get(f"{url}/products?limit=1", timeout=10)
            assert (response.status_code, response.headers["X-Data-Source"]) == (200, "live")
            assert response.links["next"]["url"].startswith(f"{url}/products")
            assert "max-age" in response.headers["Strict-Transport-Security"]
        assert "Secure" in browser.get(f"{url}/accounts/login/", timeout=10).headers["Set-Cookie"]
        assert browser.get(f"{url}/livez", headers={"Host": "ads.localhost"}, timeout=10).status_code == 200
        eventually(lambda: edge.requests()[-1]["upstream"] == f"127.0.0.1:{ad_provider.port}")
        plain = edge.get("/products?limit=1", allow_redirects=False)
        assert (plain.status_code, plain.headers["Location"]) == (301, "https://127.0.0.1/products?limit=1")
        for alive in (edge.get("/_edge/livez"), browser.get(f"{url}/_edge/livez", timeout=10)):
            assert (alive.status_code, alive.json()) == (200, {"status": "alive"})


@pytest.fixture(scope="module")
def edge(recommender: Service, ad_provider: Service) -> Iterator[Edge]:
    with Edge([recommender.port], ad_provider.port) as edge:
        yield edge


def connections(service: Service) -> int:
    """Established connections to a service."""
    (worker,) = psutil.Process(service.process.pid).children()
    return sum(each.status == psutil.CONN_ESTABLISHED for each in worker.net_connections("tcp"))


def test_slow_clients_reach_the_service_when_they_are_complete(edge: Edge, recommender: Service) -> None:
    begun = raw_http.post("/reviews", b'{"asin": ', length=100)
    with raw_http.clients(edge, 300, begun):
        time.sleep(0.5)
        assert connections(recommender) <= 5
        began = time.monotonic()
        assert edge.get("/products").status_code == 200
        assert time.monotonic() - began < 2.5


@pytest.fixture
def echo() -> Iterator[int]:
    """A service that answers with the headers that it got. Yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(dict(self.headers)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "proto", "told"),
    [
        ("0", None, None, ("127.0.0.1", "http")),
        ("0", "192.0.2.1", "https", ("127.0.0.1", "http")),
        ("1", "192.0.2.66, 192.0.2.1", "https", ("192.0.2.1", "https")),
        ("2", "192.0.2.66, 192.0.2.1:80, 192.0.2.2", "http", ("192.0.2.1", "http")),
        ("2", "192.0.2.1", None, ("255.255.255.255", "http")),  # fewer entries than proxies
        ("1", None, None, ("127.0.0.1", "http")),  # asked from inside
    ],
)
def test_services_are_told_one_address(
    echo: int, proxies: str, forwarded: str | None, proto: str | None, told: tuple[str, str]
) -> None:
    sent = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": proto, "X-Request-ID": "mine", "Host": "shop.example"}
    with Edge([echo], echo, TRUSTED_PROXIES=proxies) as edge:
        headers = edge.get("/", headers={name: value for name, value in sent.items() if value}).json()
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]) == told
    assert (headers["Host"], headers["X-Request-ID"]) == ("shop.example", "mine")
    assert "Accept-Encoding" not in headers

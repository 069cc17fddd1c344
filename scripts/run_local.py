"""What `make run` does: prepare a demo shop below var/, start both services, end both on Ctrl-C.

RECOMMENDER_PORT and AD_PROVIDER_PORT move the services to other ports, and the URLs by which they find each other.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VAR = HERE / "var"
# The default port of each service, and the setting that changes it.
PORTS = {"recommender_site": (8000, "RECOMMENDER_PORT"), "ad_provider_site": (8001, "AD_PROVIDER_PORT")}
START_TIMEOUT = 120  # seconds
REFRESH_INTERVAL = 300  # seconds


def main() -> None:
    services = {site: chosen_port(name, default) for site, (default, name) in PORTS.items()}
    recommender_port, ad_provider_port = services.values()
    if recommender_port == ad_provider_port:
        sys.exit("AD_PROVIDER_PORT: must not be the recommender's port")
    for site, port in services.items():
        refuse_taken(port, PORTS[site][1])
    os.chdir(HERE)
    recommender_url, ad_provider_url = (f"http://localhost:{port}" for port in services.values())
    if recommender_port != PORTS["recommender_site"][0]:
        os.environ.setdefault("RECOMMENDER_PUBLIC_URL", recommender_url)
    if ad_provider_port != PORTS["ad_provider_site"][0]:
        os.environ.setdefault("AD_PROVIDER_URL", f"http://127.0.0.1:{ad_provider_port}")
        os.environ.setdefault("AD_PROVIDER_PUBLIC_URL", ad_provider_url)
    make_secret_key()
    os.environ.setdefault("SABOTAGE", "on")
    os.environ.setdefault("STANDBY_URL", f"sqlite:///{VAR / 'standby.sqlite3'}")
    print("Preparing the database", flush=True)
    manage("recommender", "migrate", "--verbosity=0")
    manage("ad_provider", "migrate", "--verbosity=0")
    manage("recommender", "seed_demo", "--if-empty", f"--base-url={recommender_url}")
    manage("ad_provider", "seed_campaigns", "--if-empty")
    print("Building recommendations", flush=True)
    manage("recommender", "build_recommendations", "--if-changed")
    manage("recommender", "create_admin", f"--password-file={VAR / 'admin-password'}")
    processes = [start(site, port) for site, port in services.items()]
    # Writes what readers get while the database is away. A replica, if there is one instead, refreshes itself.
    refreshers = [refresh_standby()] if os.environ["STANDBY_URL"].startswith("sqlite:") else []
    # An end that is asked for is an end like Ctrl-C's.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for process, port in zip(processes, services.values(), strict=True):
            wait_until_alive(process, port)
        print(f"\nRecommender   {recommender_url}   (the shop; /about has the rest)")
        print(f"Ad provider   {ad_provider_url}")
        print(f"Admin user    admin, password in {VAR.name}/admin-password\n\nCtrl-C ends both.", flush=True)
        while True:
            time.sleep(0.2)
            for place, (site, port) in enumerate(services.items()):
                if processes[place].poll() is not None:
                    print(f"{site} ended; starting it again", flush=True)
                    processes[place] = start(site, port)
                    wait_until_alive(processes[place], port)
    except KeyboardInterrupt:
        print()
    finally:
        for process in (*processes, *refreshers):
            process.terminate()
        for process in (*processes, *refreshers):
            process.wait()


def chosen_port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        sys.exit(f"{name}: must be a port number from 1 to 65535")
    return int(text)


def refuse_taken(port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"port {port} is taken or not allowed; end what listens there, or set {name} to another port")


def make_secret_key() -> None:
    VAR.mkdir(exist_ok=True)
    file = VAR / "local.env"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"SECRET_KEY={secrets.token_urlsafe(48)}\n")


def manage(project: str, *words: str) -> None:
    done = subprocess.run([sys.executable, f"manage_{project}.py", *words])
    if done.returncode:
        sys.exit(done.returncode)


def start(site: str, port: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process, which then ends the services in order.
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", "--log-level=warning", f"{site}.wsgi"]
    return subprocess.Popen(command, start_new_session=True)


def refresh_standby() -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage_recommender.py", "refresh_standby", f"--every={REFRESH_INTERVAL}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def wait_until_alive(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit("a service did not start; its last lines are above")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    sys.exit(f"nothing answers on port {port} after {START_TIMEOUT} seconds")


if __name__ == "__main__":
    main()

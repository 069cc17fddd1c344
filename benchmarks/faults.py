"""`make bench-faults`: a busy shop loses its database or its ad provider, for a minute per fault.

PostgreSQL is killed, PostgreSQL is stopped, and the ad provider is stopped. The processes are real, and the settings
have their default times. Each run makes a picture of every request and a column of metrics. Two more columns are
about a PostgreSQL that is killed before all processes start again, with a standby and without.

It can test any other service too, given commands that break and mend a dependency of it:

    python -m benchmarks.faults http://localhost:9000 --path / --path /search?q=a --break 'docker pause db' --mend \
        'docker unpause db'
"""

import argparse
import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import requests

from benchmarks.fault_picture import Change, draw
from benchmarks.fault_table import summary, table
from tests.e2e.admin import create_admin
from tests.e2e.load import Client, Load, Sample, every_read, load, shop_load
from tests.e2e.services import Postgres, Service, eventually, manage, open_shop

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "faults"
RESULTS = ROOT / "benchmarks" / "results" / "faults.json"
SECONDS, BEFORE = 60.0, 10.0  # of a run; and before the fault
DEFAULTS = {"DB_RESET_TIMEOUT": "20", "AD_RESET_TIMEOUT": "10"}


@dataclass(frozen=True, slots=True)
class Fault:
    """``begin`` breaks something, and ``end`` mends it ``seconds`` later. Both return when that is done."""

    name: str
    title: str
    seconds: float
    begin: Callable[[], object]
    end: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Run:
    """``began`` is the start of the load as a POSIX time. ``fault`` is its start and end in seconds after that."""

    samples: Sequence[Sample]
    acknowledged: Sequence[bytes]
    fault: tuple[float, float]
    began: float


def run(clients: AbstractContextManager[Load], fault: Fault, seconds: float = SECONDS, before: float = BEFORE) -> Run:
    """Run the clients for ``seconds``. The fault begins after ``before`` seconds."""
    with clients as work:
        began = time.time() - work.now
        time.sleep(before)
        started = work.now
        try:
            fault.begin()
            time.sleep(max(0.0, started + fault.seconds - work.now))
        finally:
            fault.end()
        ended = work.now
        time.sleep(max(0.0, seconds - ended))
    return Run(work.samples, work.acknowledged, (started, ended), began)


def breaker_changes(url: str, began: float) -> list[Change]:
    """The state changes of a breaker since ``began``, from its page under ``/breakers``."""
    events = requests.get(url, timeout=10).json()["events"]
    times = [(datetime.fromisoformat(event["time"]).timestamp() - began, event["to_state"]) for event in events]
    return [Change(at, state) for at, state in sorted(times) if at >= 0]


def questions_after_a_restart() -> dict[str, dict[str, float]]:
    """The figures of a shop whose PostgreSQL is killed before all of its processes start again, with a standby and
    without: each read is asked once, and was never asked before."""
    figures = {}
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.remove)
        open_shop(postgres.url)
        asins = [asin for (asin,) in postgres.ask("SELECT asin FROM catalog_product")]
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = DEFAULTS | {"DATABASE_URL": postgres.url}
        with_standby = settings | {"STANDBY_URL": f"sqlite:///{folder}/standby.sqlite3"}
        manage("refresh_standby", **with_standby)
        postgres.kill()
        for name, env in {"restarted": with_standby, "no-standby": settings}.items():
            with (
                Service("ad_provider_site", **env) as ads,
                Service("recommender_site", **env, AD_PROVIDER_URL=ads.url) as shop,
            ):
                work = Load(shop.url)
                client = Client(work, {})
                for path in dict.fromkeys(every_read(asins)):
                    if path.startswith(("/products", "/reviews", "/recommendations", "/ads")):
                        client.ask("GET", path)
                client.close()
            figures[name] = summary(work.samples, (0, math.inf), found=None)
    return figures


def break_the_shop() -> None:
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.remove)
        open_shop(postgres.url)
        admin = create_admin(Path(stack.enter_context(tempfile.TemporaryDirectory())), DATABASE_URL=postgres.url)
        settings = DEFAULTS | {"DATABASE_URL": postgres.url}
        ads = stack.enter_context(Service("ad_provider_site", **settings))
        shop = stack.enter_context(Service("recommender_site", **settings, AD_PROVIDER_URL=ads.url))
        browser = stack.enter_context(admin.browser(shop.url))
        asins = [product["asin"] for product in shop.get("/products?limit=200").json()]

        def signal_ads(number: int) -> None:
            master = psutil.Process(ads.process.pid)
            for process in (master, *master.children(recursive=True)):
                process.send_signal(number)

        def all_live() -> bool:
            return all(shop.get(path).headers["X-Data-Source"] == "live" for path in ("/products", "/ads"))

        faults = {
            "database": [
                Fault("killed", "PostgreSQL killed with -9, started 10 s later", 10, postgres.kill, postgres.start),
                Fault(
                    "stopped",
                    "PostgreSQL stopped for 15 s (SIGSTOP), then continued",
                    15,
                    lambda: postgres.signal(signal.SIGSTOP),
                    lambda: postgres.signal(signal.SIGCONT),
                ),
            ],
            "ad-provider": [
                Fault(
                    "ads-hang",
                    "The ad provider hangs for 25 s: it accepts connections and does not answer",
                    25,
                    lambda: signal_ads(signal.SIGSTOP),
                    lambda: signal_ads(signal.SIGCONT),
                )
            ],
        }
        figures = {}
        for breaker, fault in ((breaker, fault) for breaker, some in faults.items() for fault in some):
            eventually(all_live, 40)
            print(f"{fault.title} …", file=sys.stderr)
            done = run(shop_load(shop.url, asins, fault.name, browser.cookies.get_dict(), admin.token), fault)
            changes = breaker_changes(f"{shop.url}/breakers/{breaker}", done.began) or [Change(0, "closed")]
            draw(fault.title, done.samples, changes, done.fault, PICTURES / f"{fault.name}.png")
            kept = {number for (number,) in postgres.ask("SELECT id FROM catalog_review")}
            found = sum(json.loads(review)["id"] in kept for review in done.acknowledged)
            figures[fault.name] = summary(done.samples, done.fault, found)
    figures |= questions_after_a_restart()
    print(table(figures))
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


def break_another(words: argparse.Namespace) -> None:
    def tell(command: str) -> None:
        if status := subprocess.run(command, shell=True).returncode:
            sys.exit(f"{command}: ended with {status}")

    def write(number: int) -> tuple[str, object]:
        path, body = words.write
        return path, json.loads(body.replace("{n}", str(number)))

    headers = dict(words.header)
    fault = Fault("fault", words.url, words.fault, lambda: tell(words.break_), lambda: tell(words.mend))
    clients = load(words.url, words.path, signed_in=headers, write=write if words.write else None, writer=headers)
    done = run(clients, fault, words.seconds, min(BEFORE, words.seconds / 6))
    changes = breaker_changes(words.breaker, done.began) if words.breaker else []
    draw(f"{words.url}: {words.break_}", done.samples, changes, done.fault, words.picture)
    print(table({urlsplit(words.url).netloc: summary(done.samples, done.fault, found=None)}))
    print(f"the picture: {words.picture}", file=sys.stderr)


def an_address(word: str) -> str:
    parts = urlsplit(word)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{word} is not an http:// or https:// URL")
    return word


def a_header(word: str) -> tuple[str, str]:
    name, colon, value = word.partition(":")
    if not name or not colon:
        raise argparse.ArgumentTypeError(f"{word!r} is not of the form 'Name: value'")
    return name, value.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description="Test a service while a dependency fails."
    )
    add = parser.add_argument
    add("url", nargs="?", type=an_address, help="the service to test; without one, this project's own shop")
    add("--path", action="append", help="a path to read; may be repeated")
    add("--break", dest="break_", metavar="COMMAND", help="breaks a dependency of the service")
    add("--mend", metavar="COMMAND", help="mends the dependency")
    add("--fault", type=float, default=10, metavar="SECONDS", help="duration of the fault (default: 10)")
    add("--seconds", type=float, default=SECONDS, help="duration of the whole run (default: 60)")
    add("--write", nargs=2, metavar=("PATH", "JSON"), help="a write to post; {n} becomes its number")
    add("--header", type=a_header, action="append", default=[], help="of the writer and a tenth of the readers")
    add("--breaker", type=an_address, metavar="URL", help="its breaker's events, in the format of /breakers/…")
    add("--picture", type=Path, default=Path("fault.png"), help="(default: fault.png)")
    words = parser.parse_args()
    if not words.url:
        break_the_shop()
    elif words.path and words.break_ and words.mend:
        if words.write:
            try:
                json.loads(words.write[1].replace("{n}", "0"))
            except ValueError as error:
                parser.error(f"--write: not valid JSON: {error}")
        break_another(words)
    else:
        parser.error("another service needs --path, --break and --mend")


if __name__ == "__main__":
    main()

"""The background thread that reads campaigns and ads survives an outage."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from campaigns import snapshot
from campaigns.snapshot import SnapshotRefresher
from resilience import breakers
from tests.campaigns import sponsors

INTERVAL = 0.02


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(INTERVAL)


@pytest.mark.django_db(transaction=True)
def test_the_thread_outlives_an_outage_and_reads_on(
    lose_database: Callable[[], None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = INTERVAL
    sponsors.ad(sponsors.campaign(), "PEN", "category Pens")
    refresher, database = SnapshotRefresher(), breakers.database_breaker()
    thread = threading.Thread(target=refresher.run, daemon=True)
    thread.start()
    assert refresher.latest() is not None
    lose_database()
    eventually(lambda: database.state == "open")
    time.sleep(5 * INTERVAL)  # so that it is rejected, too
    assert thread.is_alive()
    assert refresher.latest() is not None
    monkeypatch.undo()
    settings.ADS_SNAPSHOT_SECONDS = INTERVAL
    database.close()
    kept = refresher.latest()
    eventually(lambda: refresher.latest() is not kept)
    parked = threading.Event()

    def park(*_: object) -> None:
        connection.close()
        parked.set()
        threading.Event().wait()

    for name in ("load_ads", "load_campaigns"):
        monkeypatch.setattr(snapshot, name, park)
    assert parked.wait(10)

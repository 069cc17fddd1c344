"""Breakers keep their times while the wall clock is set back or forward."""

import os
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import libfaketime
import pytest

from tests.e2e.conftest import Busy
from tests.e2e.services import Postgres, Service, eventually

HOUR = 3600
RESET = 4


class WallClock:
    """The wall clock of processes started with ``env``. Their monotonic clock is the real one."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self.step_to(0)
        _, env = libfaketime.get_reload_information()
        self.env = env | {"FAKETIME_TIMESTAMP_FILE": str(self._offset)}

    def step_to(self, seconds: int) -> None:
        """Set the clock to an offset in seconds from the true time."""
        new = self._offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._offset)


def clock_error(service: Service) -> float:
    said = parsedate_to_datetime(service.get("/livez").headers["Date"]).timestamp()
    return round((said - time.time()) / HOUR)


@pytest.mark.skipif(os.uname()[::4] != ("Linux", "x86_64"), reason="libfaketime is built for Linux on x86-64")
@pytest.mark.parametrize("hours", [-1, 1])
def test_breakers_keep_their_times(
    hours: int, tmp_path: Path, busy: Busy, postgres: Postgres, ad_provider: Service
) -> None:
    clock = WallClock(tmp_path)
    settings = {
        "DATABASE_URL": postgres.url,
        "AD_PROVIDER_URL": ad_provider.url,
        "DB_RESET_TIMEOUT": str(RESET),
        "SABOTAGE": "on",
    }
    with Service("recommender_site", **settings, **clock.env) as service, busy(f"clock{hours}", service) as work:
        assert clock_error(service) == 0
        clock.step_to(hours * HOUR)
        time.sleep(1)
        assert clock_error(service) == hours
        assert {each.source for each in work.reads() if each.source} == {"live"}

        opened = time.monotonic()
        service.post("/sabotage-db")
        assert service.get("/products").headers["X-Data-Source"] == "stale"
        clock.step_to(0)
        stale = service.get("/products")
        assert (stale.headers["X-Data-Source"], int(stale.headers["Age"]) <= 10) == ("stale", True)
        eventually(lambda: service.get("/products").headers["X-Data-Source"] == "live")
        assert RESET - 0.5 < time.monotonic() - opened < RESET + 1
        assert clock_error(service) == 0
    assert [each for each in work.reads() if each.status != 200] == []
    assert {each.status for each in work.writes()} <= {201, 503}

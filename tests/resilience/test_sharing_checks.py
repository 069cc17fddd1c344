"""Each process checks a shared state before it follows, with a real Redis."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from resilience import identity, sharing
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected
from resilience.sharing import POLL_INTERVAL, Sharing
from tests.e2e.services import eventually
from tests.redis_server import RedisServer
from tests.resilience.doubles import Down

pytestmark = pytest.mark.slow

AT_ONCE = 0.5  # seconds; 0.1 is usual
SOON = 5.0
RESET = 2.0
SEVERAL_LOOKS = 8 * POLL_INTERVAL


@dataclass
class Process:
    """A process with one breaker, which can be cut off from the dependency."""

    breaker: Breaker
    is_cut_off: bool = False
    checked: int = 0
    called: list[float] = field(default_factory=list)

    def call(self) -> str:
        return self.breaker.call(self._ask)

    def _ask(self) -> str:
        self.called.append(time.monotonic())
        if self.is_cut_off:
            raise Down
        self.breaker.answers.count("live", 0.0)
        return "answer"

    def check(self) -> bool:
        self.checked += 1
        return not self.is_cut_off

    def trip(self) -> None:
        self.is_cut_off = True
        with pytest.raises(CallFailed):
            self.call()


Make = Callable[..., Process]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture
def process(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(sharing, "REDIS_TIMEOUT", 2.0)  # for a busy machine
    started: list[Sharing] = []
    server.run("FLUSHALL")

    def make(dependency: str = "db:5432/shop", name: str = "database") -> Process:
        breaker = Breaker(
            name,
            fail_max=1,
            reset_timeout=RESET,
            deadline=1.0,
            classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
            errors=(Down,),
        )
        made = Process(breaker)
        breaker.check = made.check
        started.append(Sharing(server.url))
        started[-1].share(breaker, dependency)
        return made

    yield make
    for each in started:
        each.stop()


def test_process_that_is_cut_off_opens_no_other(process: Make) -> None:
    sick, *others = (process() for _ in range(4))
    for _ in range(2):
        sick.trip()
        eventually(lambda: all(each.checked for each in others), SOON)
        time.sleep(SEVERAL_LOOKS)
        assert [each.breaker.state for each in others] == ["closed"] * 3
        assert [each.call() for each in others] == ["answer"] * 3
        assert [each.breaker.describe()["failures"] for each in others] == [0] * 3
        eventually(lambda: sick.breaker.state == "half-open", RESET + SOON)
    assert {each.checked for each in others} == {2}  # one check each time


def test_outage_for_all_opens_all_at_once(process: Make) -> None:
    all_four = [process() for _ in range(4)]
    for each in all_four:
        each.is_cut_off = True
    all_four[0].trip()
    eventually(lambda: {each.breaker.state for each in all_four} == {"open"}, AT_ONCE)
    assert [len(each.called) for each in all_four] == [1, 0, 0, 0]
    first = all_four[0].breaker.retry_after
    assert [each.breaker.retry_after for each in all_four] == pytest.approx([first] * 4, abs=0.2)


def test_new_process_checks_the_shared_state(process: Make) -> None:
    process().trip()
    healthy, sick = process(), process()
    sick.is_cut_off = True
    eventually(lambda: healthy.checked and sick.breaker.state == "open", SOON)
    assert (healthy.checked, healthy.breaker.state) == (1, "closed")


def test_process_that_is_still_cut_off_stays_open(process: Make) -> None:
    sick, healthy, third = process(), process(), process()
    for each in (sick, healthy, third):
        each.is_cut_off = True
    healthy.trip()
    eventually(lambda: sick.breaker.state == third.breaker.state == "open", SOON)
    healthy.is_cut_off = third.is_cut_off = False
    eventually(lambda: healthy.breaker.state == "half-open", RESET + SOON)
    checked = sick.checked
    assert healthy.call() == "answer"
    eventually(lambda: third.breaker.state == "closed", SOON)
    eventually(lambda: sick.checked > checked, SOON)
    time.sleep(SEVERAL_LOOKS)
    assert sick.breaker.state == "half-open"
    sick.is_cut_off = False
    assert sick.call() == "answer"


def test_failed_probes_of_one_process_keep_no_other_open(process: Make) -> None:
    sick, healthy = process(), process()
    for each in (sick, healthy):
        each.is_cut_off = True
    healthy.trip()
    eventually(lambda: sick.breaker.state == "open", SOON)
    healthy.is_cut_off = False
    eventually(lambda: sick.breaker.state == "half-open", RESET + SOON)
    sick.trip()
    time.sleep(SEVERAL_LOOKS)
    assert healthy.breaker.state == "half-open"
    assert healthy.call() == "answer"


HANG = 0.4  # seconds


def test_slow_check_delays_nothing_else(process: Make, server: RedisServer) -> None:
    one, two = process(), process()
    released = threading.Event()

    def hang() -> bool:
        return released.wait(HANG)

    two.breaker.check = hang
    slow_turns = []
    try:
        one.trip()
        began = time.monotonic()
        while two.breaker.state == "closed" and time.monotonic() < began + 5:
            asked = time.monotonic()
            two.breaker._probe_lock.acquire()
            two.breaker._probe_lock.release()
            slow_turns.append(time.monotonic() - asked)
        assert time.monotonic() - began < 5 * HANG
        assert two.breaker.state == "open"
    finally:
        released.set()
    assert sorted(slow_turns)[len(slow_turns) // 2] < HANG / 5


def test_check_that_raises_counts_as_failed(process: Make, caplog: pytest.LogCaptureFixture) -> None:
    one, two = process(), process()

    def broken() -> bool:
        raise RuntimeError("a mistake")

    two.breaker.check = broken
    one.trip()
    eventually(lambda: two.breaker.state == "open", SOON)
    assert "check failed" in caplog.text


def test_failed_check_does_not_open_a_process_with_successful_calls(process: Make) -> None:
    """For example, the server accepts no new connections, or this process is too busy to make one in time."""
    one, two = process(), process()

    def fail_after_a_call() -> bool:
        two.call()
        return False

    two.breaker.check = fail_after_a_call
    one.trip()
    eventually(lambda: two.called, SOON)
    time.sleep(SEVERAL_LOOKS)
    assert two.breaker.state == "closed"


def test_own_finding_is_newer_than_a_shared_one(process: Make) -> None:
    one, two = process(), process()
    begun, released = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return not released.wait(0.25)

    two.breaker.check = slow
    one.trip()
    assert begun.wait(5)
    two.breaker.override("force-open", by="anna")
    two.breaker.override("reset", by="anna")
    released.set()
    time.sleep(SEVERAL_LOOKS)
    assert two.breaker.state == "closed"


def test_one_probe_at_a_time_although_each_process_checks(process: Make) -> None:
    all_three = [process() for _ in range(3)]
    for each in all_three:
        each.is_cut_off = True
    all_three[0].trip()
    eventually(lambda: {each.breaker.state for each in all_three} == {"open"}, SOON)
    eventually(lambda: {each.breaker.state for each in all_three} == {"half-open"}, RESET + SOON)
    begun, finish = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        finish.wait(10)

    probe = threading.Thread(target=all_three[0].breaker.call, args=(hang,))
    probe.start()
    begun.wait(10)
    for each in all_three[1:]:
        with pytest.raises(CallRejected):
            each.call()
    finish.set()
    probe.join()


@pytest.mark.parametrize(
    ("mine", "yours"),
    [
        ({}, {"dependency": "db:5432/other"}),
        ({}, {"dependency": "other:5432/shop"}),
        ({"name": "ad-provider"}, {}),
    ],
)
def test_processes_with_other_dependencies_share_nothing(
    process: Make, mine: dict[str, str], yours: dict[str, str]
) -> None:
    one, two = process(**mine), process(**yours)
    two.is_cut_off = True  # so its check would fail
    one.trip()
    one.breaker.override("force-open", by="anna")
    time.sleep(SEVERAL_LOOKS)
    assert (two.checked, two.breaker.state, two.breaker.forced) == (0, "closed", None)


HERE = socket.gethostname()
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "USER": "shop", "PASSWORD": "secret"}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"HOST": "db.example", "PORT": "6432", "NAME": "shop"}, "db.example:6432/shop"),
        ({"HOST": "db.example", "PORT": "", "NAME": "shop"}, "db.example:5432/shop"),
        ({"HOST": "h1,h2", "PORT": "5432,6432", "NAME": "shop"}, "h1,h2:5432,6432/shop"),
        ({"HOST": "127.0.0.1", "PORT": 5432, "NAME": "shop"}, f"{HERE}:127.0.0.1:5432/shop"),
        ({"NAME": "shop", "OPTIONS": {"host": "/run/pg"}}, f"{HERE}:/run/pg:5432/shop"),
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "/var/../srv/shop.db"}, f"{HERE}:/srv/shop.db"),
    ],
)
def test_identity_of_a_database(config: dict[str, object], name: str) -> None:
    assert identity.of_database(POSTGRES | config) == name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://user:secret@Ads.example/path", "http://ads.example:80"),
        ("https://ads.example", "https://ads.example:443"),
        ("http://[2001:db8::1]:8001", "http://[2001:db8::1]:8001"),
        ("http://localhost:8001", f"{HERE}:http://localhost:8001"),
    ],
)
def test_identity_of_a_url(url: str, name: str) -> None:
    assert identity.of_url(url) == name

"""Breakers of several processes and a real Redis that is stopped, killed and filled."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from resilience import sharing
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed, CallRejected
from resilience.sharing import Sharing
from tests.e2e.services import eventually
from tests.redis_server import RedisServer
from tests.resilience.doubles import Down

pytestmark = pytest.mark.slow

SOON = 1.5  # seconds; 0.3 is usual
RESET = 2.0
Make = Callable[[], Breaker]


def fail() -> None:
    raise Down


def answer() -> str:
    return "answer"


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.go_on()
    server.kill()


@pytest.fixture
def process(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Returns the breaker of another process."""
    monkeypatch.setattr(sharing, "RETRY_INTERVAL", 0.3)
    started: list[Sharing] = []

    def make() -> Breaker:
        breaker = Breaker(
            "database",
            fail_max=1,
            reset_timeout=RESET,
            deadline=1.0,
            classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
            errors=(Down,),
        )
        started.append(Sharing(server.url))
        started[-1].share(breaker)
        return breaker

    yield make
    server.go_on()
    for each in started:
        each.stop()


def trip(breaker: Breaker) -> None:
    with pytest.raises(CallFailed):
        breaker.call(fail)
    assert breaker.state == "open"


def comes_to(breaker: Breaker, state: str, seconds: float = SOON) -> None:
    eventually(lambda: breaker.state == state, seconds)


def test_circuit_opened_by_one_process_is_open_in_all(process: Make) -> None:
    one, two, three = process(), process(), process()
    trip(one)
    for other in (two, three):
        comes_to(other, "open")
        assert other.retry_after == pytest.approx(one.retry_after, abs=0.1)
        with pytest.raises(CallRejected):
            other.call(answer)


def test_circuit_closed_by_one_process_is_closed_in_all(process: Make) -> None:
    one, two = process(), process()
    trip(one)
    comes_to(two, "open")
    comes_to(two, "half-open", RESET + SOON)
    assert two.call(answer) == "answer"
    comes_to(one, "closed")
    assert two.state == "closed"


def test_process_that_starts_during_an_outage_is_open(process: Make) -> None:
    trip(process())
    comes_to(process(), "open")


def test_failed_probe_opens_all_processes_again(process: Make) -> None:
    one, two = process(), process()
    trip(one)
    comes_to(two, "open")
    comes_to(one, "half-open", RESET + SOON)
    trip(one)
    comes_to(two, "open")
    assert two.retry_after > RESET / 2


def test_one_probe_at_a_time_in_all_processes(process: Make) -> None:
    one, two = process(), process()
    trip(one)
    comes_to(two, "open")
    comes_to(one, "half-open", RESET + SOON)
    comes_to(two, "half-open")
    begun, finish = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        finish.wait(10)

    probe = threading.Thread(target=one.call, args=(hang,))
    probe.start()
    begun.wait(10)
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(CallRejected):
            two.call(answer)
        assert time.monotonic() - started < SOON
    finish.set()
    probe.join()
    comes_to(two, "closed")


def test_probe_lock_of_a_killed_process_expires(process: Make, server: RedisServer) -> None:
    breaker = process()
    trip(breaker)
    server.run("SET", "breaker:database:probe", "of a process that is no more", "PX", "60000")
    comes_to(breaker, "half-open", RESET + SOON)
    with pytest.raises(CallRejected):
        breaker.call(answer)
    server.run("PEXPIRE", "breaker:database:probe", "1")

    def gets_its_turn() -> bool:
        try:
            return breaker.call(answer) == "answer"
        except CallRejected:
            return False

    eventually(gets_its_turn, 3)
    assert breaker.state == "closed"


def test_calls_through_a_closed_circuit_do_not_use_redis(process: Make, server: RedisServer) -> None:
    breaker = process()
    server.stop()
    started = time.monotonic()
    for _ in range(1000):
        breaker.call(answer)
    assert time.monotonic() - started < 1  # with a wait each it would be a hundred


@pytest.mark.parametrize("lose", ["stop", "kill"])
def test_without_redis_each_process_decides_alone(process: Make, server: RedisServer, lose: str) -> None:
    one, two = process(), process()
    getattr(server, lose)()
    trip(one)
    assert two.call(answer) == "answer"
    eventually(lambda: one.state == "half-open", RESET + SOON)
    started = time.monotonic()
    assert one.call(answer) == "answer"
    assert time.monotonic() - started < 0.1 + SOON
    assert one.state == two.state == "closed"


def test_only_one_call_waits_for_a_stopped_redis(
    process: Make, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "RETRY_INTERVAL", 5.0)
    breaker = process()
    server.stop()
    waits = []
    for _ in range(20):
        with suppress(CallFailed):
            breaker.call(fail)
        breaker.open_for(0)
        started = time.monotonic()
        assert breaker.call(answer) == "answer"
        waits.append(time.monotonic() - started)
    assert sorted(waits)[-2] < sharing.REDIS_TIMEOUT / 2
    assert max(waits) < 2 * sharing.REDIS_TIMEOUT


def test_full_redis_does_not_stop_breakers_from_working(process: Make, server: RedisServer) -> None:
    breaker = process()
    server.run("CONFIG", "SET", "maxmemory", "1")
    trip(breaker)
    comes_to(breaker, "half-open", RESET + SOON)
    assert breaker.call(answer) == "answer"
    assert breaker.state == "closed"


def test_redis_that_returns_gets_the_open_state(process: Make, server: RedisServer) -> None:
    one, two = process(), process()
    server.kill()
    trip(one)
    server.start()
    comes_to(two, "open", 1.0)


def test_lost_state_is_written_again(process: Make, server: RedisServer) -> None:
    one = process()
    trip(one)
    eventually(lambda: server.run("EXISTS", "breaker:database"))
    server.run("FLUSHALL")
    comes_to(process(), "open")


def test_override_applies_to_all_processes_until_reset(process: Make, server: RedisServer) -> None:
    one, two = process(), process()
    one.override("force-open", by="anna")
    comes_to(two, "open")
    assert two.forced == "force-open"
    eventually(lambda: server.run("EXISTS", "breaker:database:override"))
    server.run("FLUSHALL")
    late = process()
    comes_to(late, "open")
    assert late.forced == "force-open"
    two.override("force-close", by="anna")
    comes_to(one, "closed")
    with pytest.raises(CallFailed):
        one.call(fail)
    assert one.state == "closed"
    two.override("reset", by="anna")
    eventually(lambda: one.forced is late.forced is None, SOON)
    trip(one)
    comes_to(late, "open")


def test_old_override_in_redis_does_not_undo_an_unsent_one(process: Make, server: RedisServer) -> None:
    one, two = process(), process()
    trip(one)
    comes_to(two, "open")
    comes_to(two, "half-open", RESET + SOON)
    two.call(answer)
    comes_to(one, "closed")  # which Redis has now
    server.run("CONFIG", "SET", "maxmemory", "1")
    one.override("force-open", by="anna")
    time.sleep(3 * 0.3 + 0.5)  # it has waited and tried again
    assert (one.state, one.forced) == ("open", "force-open")
    one.override("reset", by="anna")
    two.override("force-open", by="bob")
    time.sleep(3 * 0.3)
    assert (one.state, two.state) == ("closed", "open")
    two.override("reset", by="bob")
    trip(one)
    time.sleep(3 * 0.3)
    assert one.state == "open"
    server.run("CONFIG", "SET", "maxmemory", "0")
    eventually(lambda: server.run("EXISTS", "breaker:database:override"))


def test_reset_reaches_processes_that_had_lost_redis(process: Make, server: RedisServer) -> None:
    one, two = process(), process()
    one.override("force-open", by="anna")
    comes_to(two, "open")
    server.run("CONFIG", "SET", "maxmemory", "1")
    one.override("reset", by="anna")
    trip(one)
    time.sleep(2 * 0.3)
    assert two.forced == "force-open"
    server.run("CONFIG", "SET", "maxmemory", "0")
    eventually(lambda: two.forced is None and one.forced is None)

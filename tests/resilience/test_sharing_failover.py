"""Redis with failover, with a password, and on a Unix socket."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from resilience import sharing
from resilience.breaker import Breaker
from resilience.circuit import Outcome
from resilience.errors import CallFailed
from resilience.sharing import Sharing
from tests.e2e.services import eventually
from tests.forwarder import Forwarder
from tests.redis_server import RedisServer
from tests.resilience.doubles import Down

pytestmark = pytest.mark.slow

SHARED_AGAIN = 10.0  # seconds after a failover


def fail() -> None:
    raise Down


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(started: ExitStack) -> Callable[..., RedisServer]:
    def start(*options: str, password: str = "") -> RedisServer:
        server = RedisServer(*options, password=password)
        started.callback(server.kill)
        started.callback(server.go_on)
        return server

    return start


@pytest.fixture
def process(started: ExitStack) -> Callable[[str], Breaker]:
    def make(url: str) -> Breaker:
        breaker = Breaker(
            "database",
            fail_max=1,
            reset_timeout=60,
            classify=lambda error: Outcome.FAILURE if isinstance(error, Down) else Outcome.NEUTRAL,
            errors=(Down,),
        )
        shared = Sharing(url)
        started.callback(shared.stop)
        shared.share(breaker)
        return breaker

    return make


def toggle(breaker: Breaker) -> str:
    """Change the state of ``breaker`` by a call or an override, and return the new state."""
    if breaker.state == "closed":
        with suppress(CallFailed):
            breaker.call(fail)
    else:
        breaker.override("reset", by="anna")
    return breaker.state


def assert_shared(one: Breaker, two: Breaker, seconds: float = 5) -> None:
    for _ in range(2):
        state = toggle(one)
        eventually(lambda state=state: two.state == state, seconds)  # type: ignore[misc]


def fail_over(name: Forwarder, old: RedisServer, new: RedisServer) -> None:
    new.run("REPLICAOF", "NO", "ONE")
    old.run("REPLICAOF", "127.0.0.1", str(new.port))
    name.target = ("127.0.0.1", new.port)


def test_readers_follow_a_failover(
    start: Callable[..., RedisServer], process: Callable[[str], Breaker], started: ExitStack
) -> None:
    old, new = start(), start()
    name = started.enter_context(Forwarder(("127.0.0.1", old.port)))
    url = f"redis://127.0.0.1:{name.port}/0"
    reads, writes = process(url), process(url)
    assert_shared(writes, reads)
    fail_over(name, old, new)
    old.run("REPLICAOF", "127.0.0.1", "1")  # so that it replicates nothing from the new one
    writes = process(f"redis://127.0.0.1:{new.port}/0")
    state = toggle(writes)
    eventually(lambda: reads.state == state, SHARED_AGAIN)


def test_writers_follow_a_failover(
    start: Callable[..., RedisServer], process: Callable[[str], Breaker], started: ExitStack
) -> None:
    old, new = start(), start()
    name = started.enter_context(Forwarder(("127.0.0.1", old.port)))
    one, two = (process(f"redis://127.0.0.1:{name.port}/0") for _ in range(2))
    assert_shared(one, two)
    fail_over(name, old, new)
    state = toggle(one)
    eventually(lambda: two.state == state, SHARED_AGAIN)
    assert_shared(two, one)


def test_late_change_of_the_name_is_followed(
    start: Callable[..., RedisServer],
    process: Callable[[str], Breaker],
    started: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sharing, "RETRY_INTERVAL", 0.5)
    monkeypatch.setattr(sharing, "RECONNECT_INTERVAL", 0.3)
    old, new = start(), start()
    name = started.enter_context(Forwarder(("127.0.0.1", old.port)))
    one, two = (process(f"redis://127.0.0.1:{name.port}/0") for _ in range(2))
    assert_shared(one, two)
    old.run("REPLICAOF", "127.0.0.1", str(new.port))
    eventually(lambda: caplog.text.count("Redis cannot be used") == 2)
    time.sleep(1)
    assert "shared again" not in caplog.text
    name.target = ("127.0.0.1", new.port)
    eventually(lambda: caplog.text.count("shared again") == 2, SHARED_AGAIN)
    assert_shared(one, two)


def test_user_without_the_role_command_can_share(
    start: Callable[..., RedisServer], process: Callable[[str], Breaker]
) -> None:
    server = start()
    server.run("ACL", "SETUSER", "shop", "on", ">secret", "~breaker:*", "+get", "+mget", "+set", "+del", "+pttl")
    url = f"redis://shop:secret@127.0.0.1:{server.port}/0"
    assert_shared(process(url), process(url))


def test_a_password_is_sent(start: Callable[..., RedisServer], process: Callable[[str], Breaker]) -> None:
    server = start(password="not-a-secret")
    assert_shared(process(server.url), process(server.url))


def test_unix_socket_works(start: Callable[..., RedisServer], process: Callable[[str], Breaker]) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "redis.sock"
        start(f"--unixsocket {path}")
        assert_shared(process(f"unix://{path}?db=0"), process(f"unix://{path}?db=0"))


@pytest.mark.parametrize("lose", ["stop", "kill"])
def test_lost_redis_is_one_log_line_without_traceback_or_password(
    lose: str, start: Callable[..., RedisServer], process: Callable[[str], Breaker], caplog: pytest.LogCaptureFixture
) -> None:
    server = start(password="not-a-secret")
    breaker = process(server.url)
    eventually(lambda: breaker.state == "closed")
    getattr(server, lose)()
    toggle(breaker)
    eventually(lambda: "Redis cannot be used" in caplog.text)
    breaker.override("reset", by="anna")
    time.sleep(0.5)
    lines = [each for each in caplog.records if each.name.startswith(("resilience.sharing", "redis"))]
    assert [(each.levelno, each.exc_info) for each in lines] == [(logging.WARNING, None)]
    assert "not-a-secret" not in caplog.text + str([vars(each) for each in lines])

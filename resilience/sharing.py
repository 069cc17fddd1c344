"""Shares the state of breakers between processes and hosts through Redis.

Each breaker has two keys for each dependency. One holds the last change of state by any process: ``open``, whose time
to live is the rest of the open time, or ``closed``. The other holds the last override. In each process a thread writes
the changes of its own breakers and reads those of others every POLL_INTERVAL, so no call waits for Redis. Only a probe
does: one process probes at a time, and asking for the lock takes at most REDIS_TIMEOUT.

A change elsewhere is a reason to check, not a fact: perhaps only the other process is cut off. Each process makes its
own check and follows only if the check agrees. A process whose calls have succeeded meanwhile does not open: a check
needs a new connection, which the server may refuse while the open ones work.

While Redis does not answer or refuses writes, each process decides alone and tries Redis again after RETRY_INTERVAL.
Then it first writes what Redis did not take. If Redis has lost the state, a process that is still open writes it again.
The name in the URL is resolved again after each error and every RECONNECT_INTERVAL: a failover moves the name to
another server, while the old one may go on answering as a replica.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import pybreaker
import redis

from resilience.breaker import Breaker
from resilience.checks import Check
from resilience.circuit import ACTIONS, ELSEWHERE
from resilience.events import Listener, StateChange
from resilience.probe_lock import ProbeLock

logger = logging.getLogger(__name__)

# All in seconds.
POLL_INTERVAL = 0.1
REDIS_TIMEOUT = 0.1
RETRY_INTERVAL = 5.0
RECONNECT_INTERVAL = 3.0
CLOSED_TTL = 60.0
MIN_TTL_TO_REWRITE = 1.0  # of the open time; less may be a difference of clocks
UNBOUNDED_PROBE = 10.0  # how long a probe without a deadline holds the lock


class Sharing:
    """The thread of this process that talks to Redis, and the breakers that it shares."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT, decode_responses=True
        )
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._shared: list[SharedBreaker] = []
        self._is_backing_off = False
        self._is_loss_logged = False
        self._next_poll_at = self._reconnect_at = 0.0  # on the monotonic clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="breaker-sharing", daemon=True)
        self._thread.start()

    def share(self, breaker: Breaker, dependency: str = "") -> None:
        """Share the state of ``breaker`` with those of the same name and ``dependency`` in other processes."""
        shared = SharedBreaker(breaker, dependency, self, self._client)
        breaker.share_with(shared, shared)
        self._shared.append(shared)

    def stop(self) -> None:
        """End the thread. The breakers keep their state and go on alone."""
        self._stopped.set()
        self._is_backing_off = True
        self._thread.join()
        self._client.close()

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is this object's own thread."""
        return threading.current_thread() is self._thread

    def submit(self, job: Callable[[], object]) -> None:
        """Run ``job`` in the thread as soon as possible; drop it while Redis is down."""
        if not self._is_backing_off:
            self._jobs.put(job)

    def submit_and_wait(self, job: Callable[[], bool], otherwise: bool) -> bool:
        """Return what ``job`` returns, or ``otherwise`` if Redis does not answer in time."""
        if self._is_backing_off:
            return otherwise
        answer: Future[bool] = Future()

        def run() -> None:
            # The caller may have given up.
            if answer.set_running_or_notify_cancel():
                answer.set_result(job())

        self.submit(run)
        try:
            return answer.result(REDIS_TIMEOUT)
        except TimeoutError:
            answer.cancel()
            self._is_backing_off = True  # until the thread reaches Redis
            return otherwise

    def _run(self) -> None:
        while not self._stopped.is_set():
            job = self._next_job()
            try:
                if time.monotonic() >= self._reconnect_at:
                    self._reconnect()
                job()
            except Exception as error:
                self._back_off(error)
            else:
                self._is_backing_off = False
                if self._is_loss_logged:
                    self._is_loss_logged = False
                    logger.warning("breakers are shared again")

    def _next_job(self) -> Callable[[], object]:
        if (wait := self._next_poll_at - time.monotonic()) > 0:
            with suppress(Empty):
                return self._jobs.get(timeout=wait)
        self._next_poll_at = time.monotonic() + POLL_INTERVAL
        return self._synchronize

    def _reconnect(self) -> None:
        """Connect to the server that the name means now. Raises redis.RedisError; ReadOnlyError for a replica."""
        self._client.connection_pool.disconnect()
        try:
            role = self._client.role()[0]
        except redis.ResponseError:
            role = "unknown"  # this user may not ask; the first write will tell
        if role == "slave":
            raise redis.ReadOnlyError("a replica")
        self._reconnect_at = time.monotonic() + RECONNECT_INTERVAL

    def _synchronize(self) -> None:
        for shared in self._shared:
            shared.synchronize()

    def _back_off(self, error: Exception) -> None:
        if not self._is_loss_logged:
            self._is_loss_logged = True
            cause = f"{type(error).__name__}: {error}"
            logger.warning("breakers are not shared: Redis cannot be used", extra={"cause": cause})
        self._is_backing_off = True
        self._reconnect_at = 0.0
        self._stopped.wait(RETRY_INTERVAL)


@dataclass(frozen=True, slots=True)
class _RemoteChange:
    """A change by another process, valid ``until`` a time on the monotonic clock, and this process's check of it.

    ``changes`` and ``live`` are this process's own counts at the time it arrived.
    """

    state: str
    until: float
    changes: int
    live: int
    check: Check


class SharedBreaker(Listener, ProbeLock):
    """Shares one breaker: its listener and its probe lock."""

    def __init__(self, breaker: Breaker, dependency: str, sharing: Sharing, client: "redis.Redis") -> None:
        self._breaker, self._sharing, self._client = breaker, sharing, client
        key = ":".join(filter(None, ("breaker", breaker.name, dependency)))
        self._state_key, self._override_key, self._lock_key = key, f"{key}:override", f"{key}:probe"
        self._seen: dict[str, str | None] = {}
        # What Redis does not have yet: until then its own values are older.
        self._is_state_unsent = False
        self._unsent_override: str | None = None
        self._remote_change: _RemoteChange | None = None  # while it is being checked
        self._changes = 0  # of the state, by this process itself
        self._token = ""  # of this process's probe lock

    def state_change(self, change: StateChange) -> None:
        if not self._sharing.is_own_thread:
            self._is_state_unsent = True
            self._changes += 1
            self._sharing.submit(self.synchronize)

    def overridden(self, name: str, action: str, by: str) -> None:
        if not self._sharing.is_own_thread:
            self._unsent_override = action
            self._sharing.submit(self.synchronize)

    def synchronize(self) -> None:
        """Write what is new here, and read what other processes have written."""
        self._apply_remote_change()
        if action := self._unsent_override:
            self._write(self._override_key, action, None)
            if self._unsent_override == action:  # not overridden meanwhile
                self._unsent_override = None
        if self._is_state_unsent:
            self._is_state_unsent = False
            try:
                self._write_state()
            except redis.RedisError:
                self._is_state_unsent = True
                raise
        changes, live = self._changes, self._live_answers
        state, override = self._client.mget(self._state_key, self._override_key)
        self._follow_override(override)
        self._read_state(state, changes, live)

    def _follow_override(self, value: Any) -> None:
        if value is None and self._breaker.forced:
            self._write(self._override_key, self._breaker.forced, None)
        elif value is not None and value != self._seen.get(self._override_key):
            self._seen[self._override_key] = value
            action = next((action for action in ACTIONS if action == value.split()[0]), None)
            if action and action != (self._breaker.forced or "reset"):
                self._breaker.override(action, by=ELSEWHERE)

    def _read_state(self, value: Any, changes: int, live: int) -> None:
        if value is None and self._breaker.retry_after > MIN_TTL_TO_REWRITE:
            self._write_state()
        elif value is not None and value != self._seen.get(self._state_key):
            left = max(0, int(self._client.pttl(self._state_key))) / 1000
            self._seen[self._state_key] = value
            state = value.split()[0]
            if not state == self._breaker.state == pybreaker.STATE_CLOSED:
                reach = self._breaker.check or (lambda: state == pybreaker.STATE_CLOSED)  # without a check, believe it
                check = Check(reach, lambda is_reached: self._sharing.submit(self.synchronize))
                self._remote_change = _RemoteChange(state, time.monotonic() + left, changes, live, check)

    @property
    def _live_answers(self) -> int:
        return self._breaker.answers.totals()["live"]

    def _apply_remote_change(self) -> None:
        remote = self._remote_change
        if remote is None or (is_reached := remote.check.result) is None:
            return
        self._remote_change = None
        if remote.changes != self._changes:
            return  # this process has its own, newer finding
        if remote.state == pybreaker.STATE_OPEN and not is_reached and self._live_answers == remote.live:
            self._breaker.open_for(max(0.0, remote.until - time.monotonic()))
        elif remote.state == pybreaker.STATE_CLOSED and is_reached:
            self._breaker.close()

    def _write_state(self) -> None:
        # The current state. An override has its own key, and half-open concerns this process only.
        if self._breaker.forced:
            return
        if self._breaker.state == pybreaker.STATE_CLOSED:
            self._write(self._state_key, pybreaker.STATE_CLOSED, CLOSED_TTL)
        elif self._breaker.retry_after > 0:
            self._write(self._state_key, pybreaker.STATE_OPEN, self._breaker.retry_after)

    def _write(self, key: str, word: str, seconds: float | None) -> None:
        value = f"{word} {uuid.uuid4().hex}"
        self._client.set(key, value, px=max(1, int(seconds * 1000)) if seconds else None)
        self._seen[key] = value

    def acquire(self) -> bool:
        self._token = uuid.uuid4().hex
        seconds = (self._breaker.deadline or UNBOUNDED_PROBE) + 1
        return self._sharing.submit_and_wait(
            lambda: bool(self._client.set(self._lock_key, self._token, nx=True, px=int(seconds * 1000))), otherwise=True
        )

    def release(self) -> None:
        token = self._token

        def unlock() -> None:
            if self._client.get(self._lock_key) == token:
                self._client.delete(self._lock_key)

        self._sharing.submit(unlock)

"""Breaker state shared by processes and hosts through Redis.

Two keys for each breaker hold the last change that any process made: ``open``, with the rest of its open time as the
key's time to live, or ``closed``; and how somebody steered it last. A thread of each process writes the changes of its
own breakers and looks for those of others several times a second, so no call waits for Redis; but for a trial, of which
there is one at a time in all processes: it asks for its turn and waits PATIENCE at most.

Where Redis does not answer or takes nothing, every process decides for itself, and asks again after REST. What it did
not take is offered first then, and what it has lost is written again by whoever is still open.
"""

import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import pybreaker
import redis

from resilience.breaker import ACTIONS, ELSEWHERE, Breaker
from resilience.events import Listener
from resilience.turns import Turns

logger = logging.getLogger(__name__)

# All in seconds.
LOOK_EVERY = 0.1
PATIENCE = 0.1
REST = 5.0
CLOSED_IS_KNOWN = 60.0
WORTH_WRITING_AGAIN = 1.0  # less may be what the key had and this process's clock has not yet
UNBOUNDED_TRIAL = 10.0  # what a trial without a deadline of its own may take before the turn is given away


class Sharing:
    """The thread of this process that talks with Redis, and the breakers that it shares."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, decode_responses=True
        )
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._shared: list[SharedBreaker] = []
        self._is_resting = False
        self._is_alone = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="breaker-sharing", daemon=True)
        self._thread.start()

    def share(self, breaker: Breaker) -> None:
        """Share the state of ``breaker`` from now on."""
        shared = SharedBreaker(breaker, self, self._client)
        breaker.attend(shared, shared)
        self._shared.append(shared)

    def stop(self) -> None:
        """End the thread; the breakers keep the state they have and go on alone."""
        self._stopped.set()
        self._is_resting = True
        self._thread.join()
        self._client.close()

    @property
    def is_at_work(self) -> bool:
        """Whether it is this thread that asks."""
        return threading.current_thread() is self._thread

    def tell(self, job: Callable[[], object]) -> None:
        """Have ``job`` done at once, or never where Redis is away."""
        if not self._is_resting:
            self._jobs.put(job)

    def ask(self, job: Callable[[], bool], otherwise: bool) -> bool:
        """What ``job`` returns, or ``otherwise`` where Redis does not answer in time."""
        if self._is_resting:
            return otherwise
        answer: Future[bool] = Future()

        def asked() -> None:
            # Not if nobody waits for it any more.
            if answer.set_running_or_notify_cancel():
                answer.set_result(job())

        self.tell(asked)
        try:
            return answer.result(PATIENCE)
        except TimeoutError:
            answer.cancel()
            self._is_resting = True  # until the thread has got through to Redis
            return otherwise

    def _work(self) -> None:
        while not self._stopped.is_set():
            job: Callable[[], object] = self._look
            with suppress(Empty):
                job = self._jobs.get(timeout=LOOK_EVERY)
            try:
                job()
            except Exception as error:
                self._rest(error)
            else:
                self._is_resting = False
                if self._is_alone:
                    self._is_alone = False
                    logger.warning("breakers are shared again")

    def _look(self) -> None:
        for shared in self._shared:
            shared.look()

    def _rest(self, error: Exception) -> None:
        if not self._is_alone:
            self._is_alone = True
            cause = f"{type(error).__name__}: {error}"
            logger.warning("breakers are not shared: Redis cannot be used", extra={"cause": cause})
        self._is_resting = True
        self._stopped.wait(REST)


class SharedBreaker(Listener, Turns):
    """One breaker's side of it."""

    def __init__(self, breaker: Breaker, sharing: Sharing, client: "redis.Redis") -> None:
        self._breaker, self._sharing, self._client = breaker, sharing, client
        key = f"breaker:{breaker.name}"
        self._state_key, self._steering_key, self._turn_key = key, f"{key}:steering", f"{key}:trial"
        self._seen: dict[str, str | None] = {}
        # What Redis has still to be told, so that what it says meanwhile is known to be older.
        self._is_state_unsent = False
        self._unsent_steering: str | None = None
        self._turn = ""  # this process's, while it has one

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        if not self._sharing.is_at_work:
            self._is_state_unsent = True
            self._sharing.tell(self.look)

    def steered(self, cb: pybreaker.CircuitBreaker, action: str, by: str) -> None:
        if not self._sharing.is_at_work:
            self._unsent_steering = action
            self._sharing.tell(self.look)

    def look(self) -> None:
        """Send what is new here, and follow what another process has written since."""
        if action := self._unsent_steering:
            self._say(self._steering_key, action, None)
            if self._unsent_steering == action:  # and nobody has steered meanwhile
                self._unsent_steering = None
        if self._is_state_unsent:
            self._is_state_unsent = False
            try:
                self._write_state()
            except redis.RedisError:
                self._is_state_unsent = True
                raise
        state, steering = self._client.mget(self._state_key, self._steering_key)
        self._follow_steering(steering)
        self._follow_state(state)

    def _follow_steering(self, value: Any) -> None:
        if value is None and self._breaker.forced:
            self._say(self._steering_key, self._breaker.forced, None)
        elif value is not None and value != self._seen.get(self._steering_key):
            self._seen[self._steering_key] = value
            action = next((action for action in ACTIONS if action == value.split()[0]), None)
            if action and action != (self._breaker.forced or "reset"):
                self._breaker.steer(action, by=ELSEWHERE)

    def _follow_state(self, value: Any) -> None:
        if value is None and self._breaker.retry_after > WORTH_WRITING_AGAIN:
            self._write_state()
        elif value is not None and value != self._seen.get(self._state_key):
            self._seen[self._state_key] = value
            if value.split()[0] == pybreaker.STATE_OPEN:
                self._breaker.open_for(max(0, int(self._client.pttl(self._state_key))) / 1000)
            else:
                self._breaker.close()

    def _write_state(self) -> None:
        # That of now, not of when it changed. Forced has a key of its own, half-open is nobody else's business.
        if self._breaker.forced:
            return
        if self._breaker.state == pybreaker.STATE_CLOSED:
            self._say(self._state_key, pybreaker.STATE_CLOSED, CLOSED_IS_KNOWN)
        elif self._breaker.retry_after > 0:
            self._say(self._state_key, pybreaker.STATE_OPEN, self._breaker.retry_after)

    def _say(self, key: str, word: str, seconds: float | None) -> None:
        value = f"{word} {uuid.uuid4().hex}"
        self._client.set(key, value, px=max(1, int(seconds * 1000)) if seconds else None)
        self._seen[key] = value

    def enter(self) -> bool:
        self._turn = uuid.uuid4().hex
        patience = (self._breaker.deadline or UNBOUNDED_TRIAL) + 1
        return self._sharing.ask(
            lambda: bool(self._client.set(self._turn_key, self._turn, nx=True, px=int(patience * 1000))), otherwise=True
        )

    def leave(self) -> None:
        turn = self._turn

        def give_back() -> None:
            if self._client.get(self._turn_key) == turn:
                self._client.delete(self._turn_key)

        self._sharing.tell(give_back)

"""Limits on guessing passwords. They slow down guessers and never lock out other users.

A password check costs as much as hundreds of reads, so an attempt is admitted or refused before the check. Vocabulary:

pair
    The address and the user name of an attempt. All names that belong to no user count as one name.
failures
    Wrong passwords within FORGET_AFTER, counted for the pair, the address and the user name.
trusted pair
    The latest password from this pair was right, within TRUST_FOR.
stranger
    An attempt whose address or user name has failures, unless its pair is trusted. An unknown name is a stranger too.

The rules:

1. A pair has FREE wrong passwords. After these, each further attempt has to wait twice as long as the one before.
2. An address or a user name with MANY failures leaves each of its pairs one wrong password instead of FREE. It is never
   blocked as a whole: users share an address, and anybody can make a user name fail.
3. Two attempts are checked at a time: one stranger and one other. The rest wait in a Queue or are refused.
4. Only an attempt at a known user whose pair has no failures may wait; others would hold threads for guessers.
5. If the queue is full, the attempt that ranks last is refused. Others rank before strangers, and names with fewer
   failures before names with more. Among equals, pairs that were refused and have waited as told rank first, in the
   order of their first refusal. New pairs follow, and then pairs that came back too soon.

Rule 5 makes a guesser of many names use them up, so a user whom nobody guesses at gets through.

Refusals reveal which user names exist. That is accepted, because reviews show the user names of their authors.
Counts are kept per process, limited in number, and expire. With several processes a guesser has several times the
attempts.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cachetools import TTLCache

FREE = 5  # wrong passwords
MANY = 20
MAX_WAIT = 900.0  # seconds
FORGET_AFTER = 3600.0  # seconds after the last failure
TRUST_FOR = 30 * 86_400.0  # seconds after the last right password
MAX_KEYS = 30_000  # addresses, user names and pairs that are remembered
QUEUE_TIMEOUT = 5.0  # seconds for which an attempt waits in the queue
REFUSAL_KEPT_FOR = 60.0  # seconds after the first refusal of a pair
RETRY_AFTER_REFUSAL = 1.0  # seconds
ATTEMPT = "accounts.attempt"  # key of the Attempt in a request's META

Key = tuple[str, ...]
Rank = tuple[float, ...]  # lower goes first


@dataclass(eq=False)
class Waiter:
    is_stranger: bool
    rank: Callable[[], Rank]  # the current one: it changes if others fail with the same name meanwhile

    def order(self) -> Rank:
        return (int(self.is_stranger), *self.rank())


class Queue:
    """Admits one stranger and one other at a time. At most ``capacity`` attempts are admitted or waiting."""

    def __init__(self, capacity: int) -> None:
        self._changed, self._capacity = threading.Condition(), capacity
        self._admitted: dict[bool, Waiter] = {}  # by whether it is the stranger
        self._waiting: list[Waiter] = []

    def enter(self, is_stranger: bool, rank: Callable[[], Rank], timeout: float) -> bool:
        """Return whether the attempt is admitted within ``timeout`` seconds. A full queue refuses who ranks last."""
        with self._changed:
            if not timeout and is_stranger in self._admitted:
                return False
            waiter = Waiter(is_stranger, rank)
            self._waiting.append(waiter)
            if len(self._admitted) + len(self._waiting) > self._capacity:
                self._waiting.remove(max(reversed(self._waiting), key=Waiter.order))  # the latest of equals
            self._admit(is_stranger)
            if not self._changed.wait_for(lambda: waiter not in self._waiting, timeout):
                self._waiting.remove(waiter)
            return self._admitted.get(is_stranger) is waiter

    def leave(self, is_stranger: bool) -> None:
        with self._changed:
            del self._admitted[is_stranger]
            self._admit(is_stranger)

    def _admit(self, is_stranger: bool) -> None:
        waiting = [waiter for waiter in self._waiting if waiter.is_stranger == is_stranger]
        if waiting and is_stranger not in self._admitted:
            first = self._admitted[is_stranger] = min(waiting, key=Waiter.order)  # the earliest of equals
            self._waiting.remove(first)
        self._changed.notify_all()


class Failures:
    """Recent failures by address, user name and pair, and what ranks and trusts pairs.

    An attempt counts as a failure while its password is being checked.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        # The number of failures, and the time of the latest.
        self._failures: TTLCache[Key, tuple[int, float]] = TTLCache(MAX_KEYS, FORGET_AFTER, clock)
        self._trusted: TTLCache[Key, None] = TTLCache(MAX_KEYS, TRUST_FOR, clock)
        # The times of a pair's first and latest refusal by the queue.
        self._refused: TTLCache[Key, tuple[float, float]] = TTLCache(MAX_KEYS, REFUSAL_KEPT_FOR, clock)

    def count(self, key: Key) -> int:
        with self._lock:
            return self._failures.get(key, (0, 0.0))[0]

    def wait(self, key: Key, free: int) -> float:
        """Seconds until the next attempt is allowed, after ``free`` failures without a wait; 0 for now."""
        with self._lock:
            count, latest = self._failures.get(key, (0, 0.0))
        if count < free:
            return 0.0
        return max(0.0, latest + min(2.0 ** min(count - free, 10), MAX_WAIT) - self._clock())

    def add(self, key: Key) -> None:
        with self._lock:
            self._failures[key] = self._failures.get(key, (0, 0.0))[0] + 1, self._clock()

    def take_back(self, key: Key) -> None:
        """Undo ``add()`` for an attempt that was not wrong."""
        with self._lock:
            count, latest = self._failures.pop(key, (0, 0.0))
            if count > 1:
                self._failures[key] = count - 1, latest

    def note_refusal(self, key: Key) -> None:
        with self._lock:
            now = self._clock()
            first, _ = self._refused.get(key, (now, now))
            self._refused[key] = first if now - first <= REFUSAL_KEPT_FOR else now, now

    def rank_by_refusal(self, key: Key) -> tuple[int, float]:
        """The rank of an attempt that is made now, among names with as many failures (rule 5)."""
        with self._lock:
            now = self._clock()
            first, latest = self._refused.get(key, (-math.inf, -math.inf))
            if now - first > REFUSAL_KEPT_FOR:
                return 1, 0.0
            return (0, first) if now - latest >= RETRY_AFTER_REFUSAL else (2, 0.0)

    def trust(self, key: Key) -> None:
        """Forget the failures of a pair whose password was right, and trust it."""
        with self._lock:
            self._failures.pop(key, None)
            self._trusted[key] = None

    def distrust(self, key: Key) -> None:
        with self._lock:
            self._trusted.pop(key, None)

    def is_trusted(self, key: Key) -> bool:
        with self._lock:
            return key in self._trusted


class Attempt:
    """An attempt to sign in. ``retry_after`` is 0 if the password may be checked, else the seconds to wait."""

    def __init__(self, failures: Failures, address: str, name: str) -> None:
        self._failures = failures
        self._address, self._name, self._pair = ("address", address), ("name", name), ("pair", address, name)
        self._is_known = bool(name)
        self._counted = [self._pair, self._address, self._name] if name else [self._pair, self._address]
        self._rank_by_refusal = (1, 0.0)
        self._is_admitted = False
        self.retry_after = RETRY_AFTER_REFUSAL

    def begin(self, queue: Queue) -> None:
        """Ask to be admitted, and set ``retry_after``."""
        of_address, of_name, of_pair = map(self._failures.count, (self._address, self._name, self._pair))
        self.retry_after = self._failures.wait(self._pair, FREE if max(of_address, of_name) < MANY else 1)
        if self.retry_after:
            return
        is_other = self._failures.is_trusted(self._pair) or (self._is_known and not of_address and not of_name)
        # Count it before its outcome is known, so that many at once are not all taken for the first.
        for key in self._counted:
            self._failures.add(key)
        self._rank_by_refusal = self._failures.rank_by_refusal(self._pair)
        may_wait = self._is_known and not of_pair
        if queue.enter(not is_other, self._rank, QUEUE_TIMEOUT if may_wait else 0.0):
            self._is_admitted, self._leave = True, partial(queue.leave, not is_other)
        else:
            self._take_back()
            self.retry_after = RETRY_AFTER_REFUSAL
            self._failures.note_refusal(self._pair)

    def settle(self, is_right: bool) -> None:
        """Record whether the password was right."""
        if is_right:
            self._take_back()
            self._failures.trust(self._pair)
        else:
            self._counted = []
            self._failures.distrust(self._pair)

    def end(self) -> None:
        """Leave the queue. A second call does nothing."""
        if self._is_admitted:
            self._is_admitted = False
            self._take_back()  # if it was not settled
            self._leave()

    def _rank(self) -> Rank:
        return self._failures.count(self._name), *self._rank_by_refusal

    def _take_back(self) -> None:
        for key in self._counted:
            self._failures.take_back(key)
        self._counted = []


class Limits:
    """The limits of one process. Attempts hold at most ``threads`` threads, or two if that is fewer."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = Failures(clock)
        self._queue = Queue(max(2, threads))  # one stranger and one other

    def attempt(self, address: str, name: str) -> Attempt:
        """Begin an attempt at the user ``name``, empty for an unknown one. The caller must ``end()`` it."""
        attempt = Attempt(self._failures, address, name)
        attempt.begin(self._queue)
        return attempt

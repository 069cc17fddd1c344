"""Limits on trying passwords: guessing finds none, and keeps nobody else from signing in.

Checking a password costs as much as hundreds of reads, so an attempt is admitted or refused before its password is
looked at. An attempt is a pair of an address and a user name:

* A pair has FREE wrong passwords. After these each further attempt waits twice as long as the one before. All names
  that nobody has count as one name, so made-up names buy no attempts.
* Once an address or a user name has MANY failures, each of its pairs has one wrong password. A user name never waits
  as a whole, because anybody could lock its user out; an address neither, because users share it.
* A stranger is a pair whose address or user name has failures. Strangers try one at a time, and so do all others beside
  them. A pair that has signed in before is no stranger until it fails.
* Others go ahead of strangers. Among strangers the name with the fewest failures goes first. So whoever guesses at many
  users uses their names up, and a user nobody guesses at passes. Of equal names, those that were turned away and have
  waited as told go first, in the order in which they first came; then new ones; then those that came back too soon.

These limits let an attacker find out which names exist. That is accepted: each review shows its author's user name.
Counts belong to one process, are bounded in number, and expire. Several processes multiply the free attempts.
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
LONGEST_WAIT = 900.0  # seconds
FORGOTTEN_AFTER = 3600.0  # seconds after the last failure
TRUSTED_FOR = 30 * 86_400.0  # seconds after the last right password
REMEMBERED = 30_000  # addresses, user names and pairs of them
QUEUE_TIMEOUT = 5.0  # seconds for which a try stands in line
TURN_KEPT_FOR = 60.0  # seconds after a pair was first turned away
LATER = 1.0  # seconds after which a try that found no place may be worth another one
ATTEMPT = "accounts.attempt"  # where a request's META has its Attempt

Key = tuple[str, ...]
Rank = tuple[float, ...]  # the lower goes first


@dataclass(eq=False)
class Waiter:
    is_stranger: bool
    rank: Callable[[], Rank]  # as it is now: whoever is guessed at while waiting falls back

    def order(self) -> Rank:
        return (int(self.is_stranger), *self.rank())


class Queue:
    """Lets one stranger and one other try at a time; those who wait and those who try are ``most`` at most."""

    def __init__(self, most: int) -> None:
        self._changed, self._most = threading.Condition(), most
        self._trying: dict[bool, Waiter] = {}  # by whether it is the stranger
        self._waiting: list[Waiter] = []

    def enter(self, is_stranger: bool, rank: Callable[[], Rank], patience: float) -> bool:
        """Whether it may be tried within ``patience`` seconds. In a full line, whoever ranks last is turned away."""
        with self._changed:
            if not patience and is_stranger in self._trying:
                return False
            place = Waiter(is_stranger, rank)
            self._waiting.append(place)
            if len(self._trying) + len(self._waiting) > self._most:
                self._waiting.remove(max(reversed(self._waiting), key=Waiter.order))  # the latest of equals
            self._admit(is_stranger)
            if not self._changed.wait_for(lambda: place not in self._waiting, patience):
                self._waiting.remove(place)
            return self._trying.get(is_stranger) is place

    def leave(self, is_stranger: bool) -> None:
        with self._changed:
            del self._trying[is_stranger]
            self._admit(is_stranger)

    def _admit(self, is_stranger: bool) -> None:
        waiting = [place for place in self._waiting if place.is_stranger == is_stranger]
        if waiting and is_stranger not in self._trying:
            first = self._trying[is_stranger] = min(waiting, key=Waiter.order)  # the earliest of equals
            self._waiting.remove(first)
        self._changed.notify_all()


class Failures:
    """Wrong passwords of late, by address, by user name and by both; those that are being tried count as wrong."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._latest: TTLCache[Key, tuple[int, float]] = TTLCache(REMEMBERED, FORGOTTEN_AFTER, clock)
        self._trusted: TTLCache[Key, None] = TTLCache(REMEMBERED, TRUSTED_FOR, clock)
        # When a pair was turned away first, and last.
        self._turned_away: TTLCache[Key, tuple[float, float]] = TTLCache(REMEMBERED, TURN_KEPT_FOR, clock)

    def count(self, key: Key) -> int:
        with self._lock:
            return self._latest.get(key, (0, 0.0))[0]

    def wait(self, key: Key, free: int) -> float:
        """Seconds before the next try, after ``free`` ones that have failed; 0 when it may be made now."""
        with self._lock:
            count, latest = self._latest.get(key, (0, 0.0))
        if count < free:
            return 0.0
        return max(0.0, latest + min(2.0 ** min(count - free, 10), LONGEST_WAIT) - self._clock())

    def add(self, key: Key) -> None:
        with self._lock:
            self._latest[key] = self._latest.get(key, (0, 0.0))[0] + 1, self._clock()

    def take_back(self, key: Key) -> None:
        """It was not wrong after all."""
        with self._lock:
            count, latest = self._latest.pop(key, (0, 0.0))
            if count > 1:
                self._latest[key] = count - 1, latest

    def turn_away(self, key: Key) -> None:
        with self._lock:
            now = self._clock()
            first, _ = self._turned_away.get(key, (now, now))
            self._turned_away[key] = first if now - first <= TURN_KEPT_FOR else now, now

    def turn(self, key: Key) -> tuple[int, float]:
        """The rank of an attempt that comes now, among those at names with as many failures."""
        with self._lock:
            now = self._clock()
            first, latest = self._turned_away.get(key, (-math.inf, -math.inf))
            if now - first > TURN_KEPT_FOR:
                return 1, 0.0
            return (0, first) if now - latest >= LATER else (2, 0.0)

    def trust(self, key: Key) -> None:
        """Forget failures, and remember that a password was right."""
        with self._lock:
            self._latest.pop(key, None)
            self._trusted[key] = None

    def distrust(self, key: Key) -> None:
        with self._lock:
            self._trusted.pop(key, None)

    def is_trusted(self, key: Key) -> bool:
        with self._lock:
            return key in self._trusted


class Attempt:
    """A password that is to be tried. ``retry_after`` is in seconds, and 0 where it may be."""

    def __init__(self, failures: Failures, address: str, name: str) -> None:
        self._failures = failures
        self._address, self._name, self._pair = ("address", address), ("name", name), ("pair", address, name)
        self._is_known = bool(name)
        self._counts_for = [self._pair, self._address, self._name] if name else [self._pair, self._address]
        self._turn = (1, 0.0)
        self._is_trying = False
        self.retry_after = LATER  # until it has begun

    def begin(self, line: Queue) -> None:
        """Pass the line, unless this attempt has to wait or finds no place."""
        of_address, of_name, of_pair = map(self._failures.count, (self._address, self._name, self._pair))
        self.retry_after = self._failures.wait(self._pair, FREE if max(of_address, of_name) < MANY else 1)
        if self.retry_after:
            return
        is_other = self._failures.is_trusted(self._pair) or (self._is_known and not of_address and not of_name)
        for key in self._counts_for:  # before it is known, else many at once would be one
            self._failures.add(key)
        self._turn = self._failures.turn(self._pair)
        # A thread may stand in line for a user whom this address has not failed with yet, and for nobody else.
        if line.enter(not is_other, self._rank, QUEUE_TIMEOUT if self._is_known and not of_pair else 0.0):
            self._is_trying, self._leave = True, partial(line.leave, not is_other)
        else:
            self._take_back()
            self.retry_after = LATER
            self._failures.turn_away(self._pair)

    def settle(self, is_right: bool) -> None:
        """Take note of the outcome."""
        if is_right:
            self._take_back()
            self._failures.trust(self._pair)
        else:
            self._counts_for = []
            self._failures.distrust(self._pair)

    def end(self) -> None:
        """Make room for the next, once."""
        if self._is_trying:
            self._is_trying = False
            self._take_back()  # of what was not settled
            self._leave()

    def _rank(self) -> Rank:
        return self._failures.count(self._name), *self._turn

    def _take_back(self) -> None:
        for key in self._counts_for:
            self._failures.take_back(key)
        self._counts_for = []


class Limits:
    """What one process knows. ``threads`` is how many sign-ins may hold at once, and at least two."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = Failures(clock)
        self._line = Queue(max(2, threads))  # a stranger and another one

    def attempt(self, address: str, name: str) -> Attempt:
        """An attempt at the password of ``name``, which is empty where nobody has the name. To be ended."""
        attempt = Attempt(self._failures, address, name)
        attempt.begin(self._line)
        return attempt

"""What a protected call raises.

DependencyUnavailable
  CallFailed        the call was made
  CallRejected      it was not: the circuit is open, or another call is the probe
  TooManyCalls      it was not: no permit
ExpectedError       an answer that is an error
"""

from collections.abc import Iterator


class DependencyUnavailable(Exception):
    """The dependency could not be used. ``retry_after`` is in seconds."""

    def __init__(self, breaker: str, retry_after: float) -> None:
        super().__init__(f"{breaker} is unavailable")
        self.breaker = breaker
        self.retry_after = retry_after


class CallFailed(DependencyUnavailable):
    """The call was made and failed; ``__cause__`` says why."""


class CallRejected(DependencyUnavailable):
    """The call was not made: the circuit is open, or another call is the probe."""


class TooManyCalls(DependencyUnavailable):
    """The call was not made: all permits are taken."""


class ExpectedError(Exception):
    """Base class of errors that are an answer: the dependency works and said no."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, which libraries keep in different places."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            found = (each.__cause__, getattr(each, "reason", None), *each.args, each.__context__)
            waiting += [other for other in found if isinstance(other, BaseException)]

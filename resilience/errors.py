"""What a protected call raises."""

from collections.abc import Iterator


class DependencyUnavailable(Exception):
    """The dependency could not be used. ``retry_after`` is when to come back, in seconds."""

    def __init__(self, breaker: str, retry_after: float) -> None:
        super().__init__(f"{breaker} is unavailable")
        self.breaker = breaker
        self.retry_after = retry_after


class CallFailed(DependencyUnavailable):
    """The call was made and failed; the cause is in ``__cause__``."""


class CallRejected(DependencyUnavailable):
    """The call was not made: the circuit is open, or another call is a probe."""


class TooManyCalls(DependencyUnavailable):
    """The call was not made: as many as may be are under way already."""


class ExpectedError(Exception):
    """Base of errors that are an answer: the dependency was asked and said no."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that caused it. Libraries keep them in different places."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            found = (each.__cause__, getattr(each, "reason", None), *each.args, each.__context__)
            waiting += [other for other in found if isinstance(other, BaseException)]

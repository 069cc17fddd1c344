"""What tests put in place of time and of a dependency's errors."""

from resilience.circuit import Outcome


class Clock:
    """A monotonic clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Down(Exception):
    pass


class Lost(Exception):
    pass


class Busy(Exception):
    pass


class Refused(Exception):
    pass


OUTCOMES: dict[type[BaseException], Outcome] = {
    Down: Outcome.FAILURE,
    Lost: Outcome.SUSPECT,
    Busy: Outcome.NEUTRAL,
    Refused: Outcome.SUCCESS,
}

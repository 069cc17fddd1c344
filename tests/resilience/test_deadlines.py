"""One deadline for everything inside of a call."""

from types import SimpleNamespace

import pytest

from resilience import deadlines
from resilience.deadlines import DeadlineExceeded, remaining, within
from tests.resilience.doubles import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=clock))
    return clock


def test_remaining_is_the_time_left(clock: Clock) -> None:
    with within(5):
        clock.now += 3
        assert remaining() == 2
        clock.now += 1.5
        assert remaining() == 0.5


@pytest.mark.parametrize("late_by", [0, 1])
def test_remaining_raises_after_the_deadline(late_by: float, clock: Clock) -> None:
    with within(5):
        clock.now += 5 + late_by
        with pytest.raises(DeadlineExceeded):
            remaining()


def test_inner_deadline_cannot_extend_the_outer_one(clock: Clock) -> None:
    with within(5):
        with within(2):
            assert remaining() == 2
        assert remaining() == 5
        with within(60):
            assert remaining() == 5
        with within(None):
            assert remaining() == 5


def test_remaining_without_a_deadline_is_the_default(clock: Clock) -> None:
    assert remaining() is None
    assert remaining(7) == 7
    with within(None):
        assert remaining(7) == 7
    with within(5):
        assert remaining(7) == 5
        assert remaining(1) == 5


def test_deadline_ends_with_its_block(clock: Clock) -> None:
    with pytest.raises(KeyError), within(5):
        raise KeyError
    assert remaining() is None

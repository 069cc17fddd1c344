"""Counts of answers by source and by second."""

from resilience.answers import SECONDS, Answers


class Clock:
    now = 5000.5

    def __call__(self) -> float:
        return self.now


def test_a_second_counts_sources_and_the_slowest_answer() -> None:
    clock = Clock()
    answers = Answers(clock)
    answers.count("live", 0.01)
    answers.count("live", 0.03)
    answers.count("stale", 0.02)
    clock.now += 2
    answers.count("default", 0.001)
    assert answers.timeline() == [
        {"ago": 2, "live": 2, "stale": 1, "default": 0, "slowest": 0.03},
        {"ago": 0, "live": 0, "stale": 0, "default": 1, "slowest": 0.001},
    ]
    assert answers.totals() == {"live": 2, "stale": 1, "default": 1}


def test_the_timeline_has_ten_minutes() -> None:
    clock = Clock()
    answers = Answers(clock)
    for _ in range(SECONDS + 50):
        answers.count("live", 0.01)
        clock.now += 1
    assert len(answers.timeline()) == SECONDS - 1  # the current second has no answers yet
    assert answers.totals()["live"] == SECONDS + 50
    clock.now += SECONDS
    assert answers.timeline() == []

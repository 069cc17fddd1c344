"""Bar charts of a campaign's days. Computes positions; the template draws them as SVG."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from campaigns.models import MICROS
from campaigns.money import decimals, in_currency, rounded
from campaigns.reports import Totals

WIDTH, HEIGHT = 360, 90  # of a chart, in units of the SVG
WIDEST = 24  # of a bar, so that a single day does not fill the chart
STEPS = 4  # at most, between the ticks of an axis


@dataclass(frozen=True)
class Bar:
    x: str
    y: str
    width: str
    height: str
    label: str


@dataclass(frozen=True)
class Tick:
    """A tick of the vertical axis."""

    y: str
    label: str


@dataclass(frozen=True)
class Panel:
    title: str
    ticks: list[Tick]
    bars: list[Bar]
    first: date
    last: date


def panels(days: Mapping[date, Totals]) -> list[Panel]:
    """Return charts of impressions, clicks and spend, from the first day to the last; none without a day."""
    if not days:
        return []
    first, last = min(days), max(days)
    every = [first + timedelta(n) for n in range((last - first).days + 1)]
    cent = MICROS // 10 ** decimals()
    kinds: list[tuple[str, Callable[[Totals], int], Callable[[int], str], int]] = [
        ("Impressions", lambda each: each.impressions, "{:,}".format, 1),
        ("Clicks", lambda each: each.clicks, "{:,}".format, 1),
        (f"{in_currency('Spend')}", lambda each: each.spent, rounded, cent),
    ]
    return [
        _panel(f"{title} per day", {day: value(days.get(day, Totals())) for day in every}, shown, unit)
        for title, value, shown, unit in kinds
    ]


def step(highest: int, unit: int) -> int:
    """Return the distance of ticks, 1, 2 or 5 times a power of ten in ``unit``: STEPS of them reach ``highest``."""
    return next(
        int(size)
        for size in (unit * digit * 10**power for power in count() for digit in (1, 2, 5))
        if size * STEPS >= highest
    )


def _panel(title: str, values: dict[date, int], shown: Callable[[int], str], unit: int) -> Panel:
    size = step(max(values.values()), unit)
    top = max(-(-max(values.values()) // size), 1) * size  # the tick above all bars
    ticks = [Tick(f"{HEIGHT - HEIGHT * mark / top:.2f}", shown(mark)) for mark in range(0, top + 1, size)]
    room = WIDTH / len(values)
    width = min(room * 0.8, WIDEST)
    bars = []
    for place, (day, value) in enumerate(values.items()):
        height = HEIGHT * value / top
        x = place * room + (room - width) / 2
        bars.append(
            Bar(f"{x:.2f}", f"{HEIGHT - height:.2f}", f"{width:.2f}", f"{height:.2f}", f"{day}: {shown(value)}")
        )
    return Panel(title, ticks, bars, min(values), max(values))

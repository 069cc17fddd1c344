"""A campaign's days as bars. Here is where they stand; the page draws them as SVG."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.money import amount
from campaigns.reports import Figures

WIDTH, HEIGHT = 360, 90  # of a panel, in units of the drawing
WIDEST = 24  # a bar: that of a campaign's first day would fill the panel


@dataclass(frozen=True)
class Bar:
    x: str
    y: str
    width: str
    height: str
    label: str


@dataclass(frozen=True)
class Panel:
    title: str
    highest: str
    bars: list[Bar]
    first: date
    last: date


def panels(days: Mapping[date, Figures]) -> list[Panel]:
    """One for impressions, clicks and spend each, from the first day to the last; none without a day."""
    if not days:
        return []
    first, last = min(days), max(days)
    every = [first + timedelta(n) for n in range((last - first).days + 1)]
    kinds: list[tuple[str, Callable[[Figures], int], Callable[[int], str]]] = [
        ("Impressions", lambda each: each.impressions, "{:,}".format),
        ("Clicks", lambda each: each.clicks, "{:,}".format),
        ("Spend", lambda each: each.spent, amount),
    ]
    return [
        _panel(title, {day: value(days.get(day, Figures())) for day in every}, shown) for title, value, shown in kinds
    ]


def _panel(title: str, values: dict[date, int], shown: Callable[[int], str]) -> Panel:
    highest = max(values.values())
    step = WIDTH / len(values)
    width = min(step * 0.8, WIDEST)
    bars = []
    for place, (day, value) in enumerate(values.items()):
        height = HEIGHT * value / highest if highest else 0
        x = place * step + (step - width) / 2
        bars.append(
            Bar(f"{x:.2f}", f"{HEIGHT - height:.2f}", f"{width:.2f}", f"{height:.2f}", f"{day}: {shown(value)}")
        )
    return Panel(title, shown(highest), bars, min(values), max(values))

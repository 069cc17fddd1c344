"""A picture of `make bench-serve`: requests per second of each read, alone and behind the edge."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

INK, EDGE, ALONE, BARE = "#24292f", "#0061b5", "#009e73", "#8c959f"
DPI, INCHES = 160, (10, 3.75)
COLOURS = {"bare view": ("a bare Django view", BARE), "": ("one worker", ALONE), "edge": ("behind the edge", EDGE)}


def draw(results: Mapping[str, Mapping[str, float]], to: Path) -> None:
    """Draw the ``rate`` of each target as a bar. Targets behind the edge are named "…, edge"."""
    names = list(results)[::-1]
    figure = Figure(INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for kind, (label, colour) in COLOURS.items():
        places = [place for place, name in enumerate(names) if _kind(name) == kind]
        rates = [results[names[place]]["rate"] for place in places]
        bars = axes.barh(places, rates, color=colour, label=label)
        axes.bar_label(bars, fmt="{:,.0f}", padding=4, color=INK)
    axes.set_yticks(range(len(names)), [name.replace(", edge", "") for name in names])
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("requests per second, logarithmic")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")
    figure.savefig(to)


def _kind(name: str) -> str:
    return name if name == "bare view" else name.partition(", ")[2]

"""A picture of a run with a fault: every request as a dot, the breaker's state above them.

A run may have tens of thousands of similar requests, and a single different one must still be visible. So dots in a
crowd are faint, single dots are not, and rare kinds are drawn on top.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator
from PIL import Image

from benchmarks.fault_table import kind
from tests.e2e.load import Sample

INK, FAINT, FAULT = "#24292f", "#6e7781", "#eef0f2"
DPI, INCHES = 160, (10, 4.375)  # 1600 x 700 pixels; the text stays readable at half that size


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the breaker to ``state``, ``at`` seconds since the run began."""

    at: float
    state: str


@dataclass(frozen=True, slots=True)
class Look:
    """The look of one kind of request. ``size`` is the size of the marker and ``line`` of its outline, in points."""

    words: str
    colour: str
    marker: str = "o"
    size: float = 2.6
    line: float = 0


# In drawing order. The colours also differ in lightness, for colour-blind readers (after Okabe and Ito).
LOOKS = {
    "live": Look("live", "#009e73"),
    "stale": Look("stale", "#e69f00"),
    "default": Look("default", "#8e2a8b"),
    "other": Look("other", "#8c959f"),
    "refused": Look("writes refused", "#57606a", "x", 4, 1),
    "acknowledged": Look("writes acknowledged", "#0061b5", "^", 4),
    "error": Look("errors", "#000000", "X", 9, 0.6),
}
# Fill and text colour of the breaker's band.
STATES = {"closed": ("#c8e9dd", "#00513b"), "open": ("#b3361e", "#ffffff"), "half-open": ("#f7d774", "#4d3800")}


def draw(
    title: str, samples: Sequence[Sample], states: Sequence[Change], fault: tuple[float, float], out: Path
) -> None:
    """Write a PNG of 1600 x 700 pixels to ``out``.

    ``states`` may repeat a state, as polling does. It is empty for a service without a breaker. ``fault`` is the start
    and end of the fault in seconds since the run began.
    """
    end = math.ceil(max([fault[1], *(sample.at for sample in samples), *(change.at for change in states)]))
    figure = Figure(INCHES, dpi=DPI, facecolor="white")
    figure.text(0.072, 0.945, title, size=min(13, 1000 / max(len(title), 1)), weight="bold", color=INK, va="center")
    band = figure.add_axes((0.072, 0.79, 0.908, 0.04))
    plot = figure.add_axes((0.072, 0.115, 0.908, 0.65), sharex=band)
    plot.set_xlim(0, end)
    band.set_axis_off()
    if states:
        _states(band, states, end)
    _requests(plot, samples)
    _longest(plot, samples, end)
    _fault(plot, fault)
    _legend(figure, samples)
    out.parent.mkdir(parents=True, exist_ok=True)
    _save(figure, out)


def _states(band: Axes, changes: Sequence[Change], end: float) -> None:
    band.set_ylim(0, 1)
    band.text(-0.008, 0.5, "breaker", transform=band.transAxes, size=8, color=FAINT, ha="right", va="center")
    found = [Change(0, "closed"), *sorted(changes, key=lambda change: change.at)]
    turns = [found[0], *(now for before, now in pairwise(found) if now.state != before.state), Change(end, "")]
    # A probe takes milliseconds, and readers look for it: draw it at least a few pixels wide.
    spans = [(turn.at, max(after.at - turn.at, end / 300), turn.state) for turn, after in pairwise(turns)]
    fits = {state: end * 0.0095 * len(state) for state in STATES}
    named = {state for _, width, state in spans if width > fits[state]}
    taken = 0.0
    for start, width, state in spans:
        fill, ink = STATES[state]
        band.barh(0.5, width, 1, start, color=fill, zorder=3 if state == "half-open" else 2)
        middle, half = start + width / 2, fits[state] / 2
        if width > fits[state]:
            band.text(middle, 0.46, state, size=8.5, weight="bold", color=ink, ha="center", va="center", zorder=4)
        elif state not in named and middle - half > taken:
            # Too narrow for its name: write it above, unless it would overlap the name before it.
            band.text(middle, 1.15, state, size=7.5, color=INK, ha="center", va="bottom")
            taken = middle + half


def _requests(plot: Axes, samples: Sequence[Sample]) -> None:
    kinds = [kind(sample) for sample in samples]
    at = np.array([sample.at for sample in samples])
    took = np.array([max(sample.took * 1000, 0.05) for sample in samples])
    for order, (name, look) in enumerate(LOOKS.items(), 3):
        chosen = np.array([each == name for each in kinds], dtype=bool)
        if not chosen.any():
            continue
        x, y = at[chosen], took[chosen]
        # The more dots share a spot, the fainter each is, so that a crowd does not hide what is below.
        spots = np.floor([x / max(at.max(), 1) * 250, np.log10(y) * 16])
        _, which, crowd = np.unique(spots, axis=1, return_inverse=True, return_counts=True)
        colours = np.tile(to_rgba(look.colour), (len(x), 1))
        colours[:, 3] = 1 if name == "error" else np.clip(crowd[which] ** -0.75, 0.02, 0.9)
        dots = plot.scatter(x, y, look.size**2, colours, marker=look.marker, linewidths=look.line, zorder=order)
        dots.set_rasterized(True)
        if name == "error":
            dots.set_edgecolor("white")  # so that overlapping ones stay distinct
    plot.set_yscale("log")
    plot.margins(y=0.12)
    plot.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    plot.yaxis.set_minor_locator(NullLocator())
    plot.grid(axis="y", color="#d8dee4", linewidth=0.6, zorder=0)
    plot.set_axisbelow(True)
    plot.tick_params(length=0, labelsize=8.5, labelcolor=INK)
    for side in plot.spines.values():
        side.set_visible(False)
    plot.set_xlabel("seconds since the run began, when the request was sent", size=8.5, color=FAINT)
    plot.set_ylabel("milliseconds to the whole answer", size=8.5, color=FAINT)
    plot.yaxis.set_label_coords(-0.06, 0.5)


def _longest(plot: Axes, samples: Sequence[Sample], end: float) -> None:
    if not samples:
        return
    longest = max(samples, key=lambda sample: sample.took)
    words, spot = f"longest {longest.took * 1000:,.0f} ms", (longest.at, longest.took * 1000)
    # There is room above the longest answer.
    side, away = ("left", (3, 7)) if longest.at < end / 2 else ("right", (-3, 7))
    plot.annotate(words, spot, away, textcoords="offset points", size=8.5, ha=side, color=INK, zorder=20)


def _fault(plot: Axes, fault: tuple[float, float]) -> None:
    start, end = fault
    plot.axvspan(start, end, color=FAULT, zorder=0)
    for edge in fault:
        plot.axvline(edge, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    words, across = f"fault, {round(start, 1):g} to {round(end, 1):g} s", plot.get_xaxis_transform()
    plot.text(
        (start + end) / 2, 0.02, words, transform=across, size=8.5, ha="center", va="bottom", color=INK, zorder=20
    )


def _legend(figure: Figure, samples: Sequence[Sample]) -> None:
    counts = Counter(map(kind, samples))
    # Show a count of 0 for errors only.
    shown = {name: look for name, look in LOOKS.items() if counts[name] or name == "error"}
    handles = [
        Line2D([], [], linestyle="", color=look.colour, marker=look.marker, ms=max(look.size, 5), mew=look.line)
        for look in shown.values()
    ]
    words = [f"{look.words} {counts[name]:,}" for name, look in shown.items()]
    figure.legend(
        handles,
        words,
        loc="center left",
        bbox_to_anchor=(0.0635, 0.888),
        ncols=len(shown),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        handletextpad=0.1,
        columnspacing=1.4,
        borderpad=0,
    )


def _save(figure: Figure, out: Path) -> None:
    """Save with a palette of the picture's own colours, which takes a third of the size of full colour."""
    pure = [look.colour for look in LOOKS.values()] + [colour for pair in STATES.values() for colour in pair] + [INK]
    steps = np.linspace(0, 1, 16)[:, None]
    shades = np.concatenate([1 - steps * (1 - np.array(to_rgb(colour))) for colour in pure] + [[to_rgb(FAULT)]])
    # Pillow's nearest-colour search is rough: without colours near white, white stays white.
    shades = np.concatenate([[[1, 1, 1]], shades[shades.min(axis=1) < 0.96]])
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(shades * 255).astype(np.uint8).tobytes())
    # A figure without pyplot is drawn by Agg and needs no display.
    full = BytesIO()
    figure.savefig(full, format="png")
    image = Image.open(full).convert("RGB")
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(out, optimize=True)

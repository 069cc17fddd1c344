"""A bar chart of the metrics: a group per protocol, and a bar with its interval per model."""

from collections.abc import Mapping
from pathlib import Path

from recommendations.evaluation.protocol import Metrics

COLOURS = ["#8c959f", "#e69f00", "#56b4e9", "#009e73", "#8e2a8b"]


def draw(results: Mapping[str, Mapping[str, Metrics]], out: Path) -> None:
    """Write a bar chart of NDCG@10. Raises ImportError without matplotlib, and OSError or ValueError for ``out``."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure((10, 4.2), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    names = list(next(iter(results.values())))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        figures = [models[name] for models in results.values()]
        at = [group + (place - (len(names) - 1) / 2) * width for group in range(len(results))]
        heights = [each.ndcg for each in figures]
        around = [
            [each.ndcg - each.ndcg_interval[0] for each in figures],
            [each.ndcg_interval[1] - each.ndcg for each in figures],
        ]
        colour = COLOURS[place % len(COLOURS)]
        axes.bar(at, heights, width * 0.92, yerr=around, label=name, color=colour, error_kw={"lw": 0.8})
        for x, height, error in zip(at, heights, around[1], strict=True):
            axes.annotate(f"{height:.3f}", (x, height + error), (0, 2), textcoords="offset points", ha="center", size=8)
    axes.set_xticks(range(len(results)), list(results))
    axes.set_ylabel("NDCG@10, with 95 % intervals")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(names), loc="upper center", bbox_to_anchor=(0.5, 1.12), fontsize=9)
    figure.savefig(out)

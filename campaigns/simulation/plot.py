"""Draws a day: the spend of evenly paced campaigns and of one without pacing, and the traffic."""

from collections.abc import Sequence
from pathlib import Path

from campaigns.choice import CampaignState
from campaigns.simulation.day import Clicks, Day
from campaigns.simulation.goals import OFF_THE_LINE, judge
from campaigns.simulation.lines import todays_budget
from campaigns.simulation.traffic import COURSE, HOUR

COLOURS = ["#0072b2", "#009e73", "#56b4e9", "#cc79a7", "#d55e00"]
EVEN = 4  # evenly paced campaigns that are drawn


def needs() -> None:
    """Raise ImportError without matplotlib."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ImportError("--plot needs matplotlib: pip install matplotlib") from None


def draw(day: Day, out: Path) -> None:
    """Write an image. Raises ImportError without matplotlib, and OSError or ValueError for ``out``."""
    needs()
    from matplotlib.figure import Figure

    figure = Figure((10, 6), dpi=160, layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
    ends = [0.0, 100.0]
    axes.fill_between(
        [0, 24],
        [each - OFF_THE_LINE for each in ends],
        [each + OFF_THE_LINE for each in ends],
        color="#8c959f",
        alpha=0.2,
        lw=0,
        label=f"even line ± {OFF_THE_LINE:g} %",
    )
    axes.plot([0, 24], ends, color="#57606a", ls="--", lw=0.9)
    figures = {each.name: each for each in judge(day)}
    for colour, campaign in zip(COLOURS, _chosen(day), strict=False):
        short = figures[campaign.name].short_hours
        label = f"{campaign.name}, {len(day.charged[campaign.id])} clicks" + f", demand short in {short} h" * bool(
            short
        )
        hours, percent = _line(campaign, day.charged[campaign.id])
        axes.plot(hours, percent, color=colour, lw=1.2, drawstyle="steps-post", label=label)
    axes.set_ylabel("spent, % of the daily budget")
    axes.set_ylim(0, 103)
    axes.legend(frameon=False, loc="lower right")
    # COURSE has the start of each hour; repeat the first for midnight.
    below.fill_between(range(25), [*COURSE, COURSE[0]], color="#e69f00", alpha=0.5, lw=0)
    below.set_ylabel("traffic")
    below.set_yticks([])
    below.set_ylim(0)
    below.set_xlim(0, 24)
    below.set_xticks(range(0, 25, 3), [f"{hour}:00" for hour in range(0, 25, 3)])
    for each in (axes, below):
        each.spines[["top", "right"]].set_visible(False)
    figure.savefig(out)


def _chosen(day: Day) -> Sequence[CampaignState]:
    """Return campaigns that ran all day and spent their budgets, fewest clicks first: these are the roughest."""
    whole = [each for each in day.world.campaigns.values() if not each.ends and each.starts < day.begins]
    done = [each for each in whole if _spent(day.charged[each.id]) >= 0.99 * todays_budget(each)]
    done.sort(key=lambda each: len(day.charged[each.id]))
    even, asap = [each for each in done if each.even], [each for each in done if not each.even]
    apart = max(1, len(even) // EVEN)
    return [*even[::apart][:EVEN], *asap[-1:]]


def _spent(clicks: Clicks) -> int:
    return sum(price for _, price in clicks)


def _line(campaign: CampaignState, clicks: Clicks) -> tuple[list[float], list[float]]:
    """Return hours, and the spend in percent of today's budget."""
    hours, percent, spent = [0.0], [0.0], 0
    for due, price in clicks:
        spent += price
        hours.append(min(due / HOUR, 24.0))
        percent.append(100 * spent / todays_budget(campaign))
    return [*hours, 24.0], [*percent, percent[-1]]

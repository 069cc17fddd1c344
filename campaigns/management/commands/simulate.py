"""Simulates a day without a database: are budgets spent evenly, and how much can fraudsters take?"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.money import amount
from campaigns.simulation import plot
from campaigns.simulation.day import Day, simulate
from campaigns.simulation.fraud import BUDGET_CLICKS, MOST_TAKEN, Raid, raids
from campaigns.simulation.goals import OFF_THE_LINE, UNSPENT, DayOutcome, judge


class Command(BaseCommand):
    help = (
        "Simulate a day of campaigns with the real auction. Check that they spend evenly, all of their budgets and no "
        "more. Then simulate fraudsters who click a rival's ads all day. Exit 1 if a goal is missed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="another number simulates another day")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
        parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the day; needs matplotlib")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["plot"]:
                plot.needs()
            day = simulate(options["seed"])
            figures = judge(day)
            self.stdout.write("\n".join(table(figures)))
            self.stdout.write(total(day, figures))
            found = raids(options["seed"])
            self.stdout.write("\n".join(map(of_fraud, found)))
            if options["json"]:
                content = {
                    "seed": options["seed"],
                    "campaigns": [asdict(each) for each in figures],
                    "fraud": [asdict(each) for each in found],
                }
                options["json"].write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            if options["plot"]:
                plot.draw(day, options["plot"])
        except (ImportError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        missed = [f"{each.name} ({', '.join(each.broken)})" for each in figures if each.broken]
        missed += [f"{each.rival} ({each.taken:.1f} % taken by fraud)" for each in found if not each.is_stopped]
        if missed:
            raise CommandError("The goals are missed: " + "; ".join(missed))
        worst = max((abs(each.worst) for each in figures if each.worst is not None), default=0.0)
        self.stdout.write(
            f"The goals hold: where demand allows, even pacing is at most {worst:.1f} % off an even line "
            f"({OFF_THE_LINE:g} % allowed) and at least {100 - UNSPENT:g} % of each budget is spent; no overspend; "
            "fraud takes little."
        )


def table(figures: Sequence[DayOutcome]) -> Iterator[str]:
    """Yield lines of text. Deviations are in percent of the daily budget; if demand was short, a second one covers
    all hours. Demand is the part of the budget that shoppers' clicks could have spent."""
    yield "campaign        budget       spent    share   demand   worst hour   overspend"
    for each in figures:
        worst = "" if each.worst is None else f"{each.worst:+.1f} %"
        short = f"  demand short in {each.short_hours} h: {each.worst_of_all:+.1f} %" if each.short_hours else ""
        yield (
            f"{each.name:<10}{amount(each.budget):>12}{amount(each.spent):>12}{each.share:>9.1%}{each.demand:>9.1%}"
            f"{worst:>13}{amount(each.overspend):>12}{short}"
        )


def of_fraud(raid: Raid) -> str:
    return (
        f"fraud on {raid.rival} from {raid.addresses} address{'es' * (raid.addresses > 1)}: {raid.taken:.2f} % of a "
        f"daily budget of {BUDGET_CLICKS:,} clicks ({MOST_TAKEN[raid.addresses]:g} % allowed)"
    )


def total(day: Day, figures: Sequence[DayOutcome]) -> str:
    clicks = sum(map(len, day.charged.values()))
    unbilled = ", ".join(f"{count} {reason.label}" for reason, count in sorted(day.unbilled.items()))
    return (
        f"{day.pages:,} pages, {day.impressions:,} impressions, {clicks:,} clicks billed, "
        f"{amount(sum(each.spent for each in figures))} spent; not billed: {unbilled or 'none'}"
    )

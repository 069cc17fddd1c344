"""Evaluate the recommendations on hidden reviews, beside simpler methods."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from catalog.importers.files import UnreadableFile
from catalog.importers.formats import UnknownFormat
from recommendations.evaluation import baselines, cold_start, data, plot, protocol, tuning
from recommendations.weights import Weights

TUNED_ON = "last-hash"
ALL = [protocol.ROLLING, *protocol.PROTOCOLS, cold_start.NAME]
MAX_TREND_AGE = 3650  # days
Results = dict[str, dict[str, protocol.Metrics]]  # by protocol and model


class Command(BaseCommand):
    help = (
        "Hide each reviewer's last review, recommend ten products, and count how often the hidden one is among them. "
        "Reads the database, or files in the formats of the seed commands, or lines of the form: reviewer asin asin …"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="*", metavar="FILE", help="products and reviews; without files, the database"
        )
        parser.add_argument(
            "--protocol",
            action="append",
            choices=ALL,
            help=f"which review of a reviewer is hidden, or {cold_start.NAME} for products without reviews; "
            f"may be repeated (default: all, {protocol.ROLLING} if there are times for it)",
        )
        parser.add_argument(
            "--ease", action="store_true", help=f"also compare EASE^R, for at most {baselines.MAX_EASE} products"
        )
        parser.add_argument(
            "--trend-age", type=int, default=0, metavar="DAYS", help="the age of the build that the trend is from"
        )
        parser.add_argument(
            "--tune", action="store_true", help=f"choose the weights first, on the validation items of {TUNED_ON}"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the metrics to a file")
        parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the metrics as bars; needs matplotlib")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = options["protocol"] or ALL
        protocols = [name for name in asked if name != cold_start.NAME]
        if not 0 <= options["trend_age"] <= MAX_TREND_AGE:
            raise CommandError(f"--trend-age: must be from 0 to {MAX_TREND_AGE}")
        if options["plot"] and not protocols:
            raise CommandError(f"--plot draws no bars for {cold_start.NAME}: add another protocol")
        try:
            reviews = data.from_files(options["files"]) if options["files"] else data.from_database()
            if reviews.skipped:
                self.stderr.write(f"skipped {reviews.skipped} invalid rows", style_func=str)
            if reviews.repeated:
                self.stderr.write(f"{reviews.repeated} repeated reviews of a product do not count", style_func=str)
            if options["ease"] and len(reviews.products) > baselines.MAX_EASE:
                raise CommandError(
                    f"--ease: at most {baselines.MAX_EASE} products are possible, and there are {len(reviews.products)}"
                )
            if not options["protocol"] and not protocol.can_roll(reviews):
                protocols.remove(protocol.ROLLING)
            weights = self._tuned(reviews) if options["tune"] else settings.RECOMMENDATION_WEIGHTS
            results = self._evaluate(reviews, protocols, weights, options["ease"], options["trend_age"])
            cold = {cold_start.NAME: cold_start.evaluate(reviews, weights)} if cold_start.NAME in asked else {}
            for figures in cold.values():
                self.stdout.write(cold_table(figures))
            if options["json"]:
                options["json"].write_bytes(orjson.dumps({**results, **cold}, option=orjson.OPT_INDENT_2))
            if options["plot"]:
                plot.draw(results, options["plot"])
        except (UnreadableFile, UnknownFormat, ValueError, ImportError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _tuned(self, reviews: data.Dataset) -> Any:
        split = protocol.split(reviews, TUNED_ON, hidden="validation")
        for weights, ndcg in tuning.tune(split, settings.RECOMMENDATION_WEIGHTS):
            said = " ".join(f"{name}={value:g}" for name, value in asdict(weights).items())
            self.stderr.write(f"validation NDCG@{protocol.LENGTH} {ndcg:.4f}  {said}", style_func=str)
        return weights

    def _evaluate(
        self, reviews: data.Dataset, protocols: list[str], weights: Weights, with_ease: bool, trend_age: int
    ) -> Results:
        results: Results = {}
        with tqdm(unit="model", disable=not sys.stderr.isatty()) as bar:
            for name in protocols:
                recency = 1.0 if name in protocol.WITHOUT_ORDER else weights.recency
                own = replace(weights, recency=recency)
                ease = self._regularization(reviews, name, own) if with_ease else None
                rolling = name == protocol.ROLLING
                splits = protocol.rolling(reviews) if rolling else [protocol.split(reviews, name, hidden="test")]
                results[name] = {}
                for model, make in baselines.compared(own, ease=ease, trend_age=trend_age).items():
                    bar.set_description(f"{name}, {model}")
                    results[name][model] = protocol.evaluate(make(), *splits)
                    bar.update()
                self.stdout.write(f"{table(name, results[name])}\n")
                self.stdout.flush()  # the next protocol may take minutes
        return results

    def _regularization(self, reviews: data.Dataset, name: str, weights: Weights) -> float:
        """The one for EASE^R that is best on the validation items."""
        split = protocol.split(reviews, TUNED_ON if name == protocol.ROLLING else name, hidden="validation")
        return max(
            baselines.REGULARIZATIONS, key=lambda each: protocol.evaluate(baselines.Ease(each, weights), split).ndcg
        )


def table(name: str, models: Mapping[str, protocol.Metrics]) -> str:
    """A text table, with 95 % intervals."""
    title = f"{name}, {next(iter(models.values())).reviewers:,} reviewers"
    lines = [
        f"{title:<34}   HR@10        interval   NDCG@10        interval"
        "  coverage  backfill  near-duplicates  same leaf  Gini"
    ]
    for model, each in models.items():
        hit, gain = (f"{low:.4f}-{high:.4f}" for low, high in (each.hit_rate_interval, each.ndcg_interval))
        lines.append(
            f"  {model:<32}{each.hit_rate:>8.4f}{hit:>16}{each.ndcg:>10.4f}{gain:>16}"
            f"{each.coverage:>10.2f}{each.backfilled:>10.2f}"
            f"{each.near_duplicates:>17.2f}{each.same_leaf:>11.2f}{each.gini:>6.2f}"
        )
    return "\n".join(lines)


def cold_table(figures: Mapping[str, cold_start.ColdStartMetrics]) -> str:
    """A text table."""
    if not figures:
        return f"{cold_start.NAME}: nobody has reviewed both a hidden product and another one"
    title = f"{cold_start.NAME}, {next(iter(figures.values())).products:,} products"
    lines = [f"{title:<34} baskets met     interval   others' baskets"]
    for model, each in figures.items():
        met = "{:.4f}-{:.4f}".format(*each.met_interval)
        lines.append(f"  {model:<32}{each.met:>12.4f}{met:>16}{each.others_met:>18.4f}")
    return "\n".join(lines)

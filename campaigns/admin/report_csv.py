"""A campaign's report as CSV: money exactly, in micros, and in the currency."""

import csv
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from campaigns.models import Campaign, Kind, Reason
from campaigns.money import amount
from campaigns.reports import Totals

MAX_LINES = 10_000  # of values; those with fewest clicks are left out, and those that reports do not name
COLUMNS = ("impressions", "clicks", "click_rate", "spent_micros", "spent", "average_price_micros")


def write_days(file: Any, campaign: Campaign, days: Mapping[date, Totals]) -> None:
    """A line for each day: as many as a campaign has days, and so not streamed."""
    writer = csv.writer(file)
    kinds = [(kind, reason) for kind in Kind for reason in Reason]
    both = [f"unbilled_{reason.value}" for reason in Reason]
    apart = [f"unbilled_{kind.value}_{reason.value}" for kind, reason in kinds]
    writer.writerow(["advertiser", "campaign", "day", *COLUMNS, *both, *apart])
    for day, figures in days.items():
        sums = [sum(figures.unbilled[kind, reason] for kind in Kind) for reason in Reason]
        unbilled = [*sums, *(figures.unbilled[each] for each in kinds)]
        writer.writerow([*_names(campaign), day, *_cells(figures), *unbilled])


def write_values(file: Any, campaign: Campaign, dimension: str, values: Mapping[str, Totals]) -> None:
    """A line for each value of a dimension."""
    writer = csv.writer(file)
    writer.writerow(["advertiser", "campaign", dimension, *COLUMNS])
    for value, figures in values.items():
        writer.writerow([*_names(campaign), as_text(value), *_cells(figures)])


def _names(campaign: Campaign) -> list[str]:
    return [as_text(campaign.advertiser.name), as_text(campaign.name)]


def _cells(figures: Totals) -> list[object]:
    return [
        figures.impressions,
        figures.clicks,
        "" if figures.click_rate is None else f"{figures.click_rate:.6f}",
        figures.spent,
        amount(figures.spent),
        "" if figures.average_price is None else figures.average_price,
    ]


def as_text(name: str) -> str:
    """So that no spreadsheet takes it for a formula: https://owasp.org/www-community/attacks/CSV_Injection"""
    is_formula = unicodedata.normalize("NFKC", name).startswith(("=", "+", "-", "@", "\t", "\r"))  # full-width ones too
    return f"'{name}" if is_formula else name

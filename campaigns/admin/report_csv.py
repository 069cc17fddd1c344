"""A campaign's report as CSV. Money is in micros and in the currency."""

import csv
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from campaigns.models import Campaign, Kind, Reason
from campaigns.money import amount
from campaigns.reports import Totals

MAX_LINES = 10_000  # values with most clicks; rare search terms are left out anyway
COLUMNS = ("impressions", "clicks", "click_rate", "spent_micros", "spent", "average_price_micros")


def write_days(file: Any, campaign: Campaign, days: Mapping[date, Totals]) -> None:
    """Write one line for each day. There are few, so the response is not streamed."""
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
    """Write one line for each value of a dimension."""
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
    """Escape text that a spreadsheet would run as a formula: https://owasp.org/www-community/attacks/CSV_Injection"""
    is_formula = unicodedata.normalize("NFKC", name).startswith(("=", "+", "-", "@", "\t", "\r"))  # or full-width
    return f"'{name}" if is_formula else name

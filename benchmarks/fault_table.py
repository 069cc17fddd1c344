"""The metrics of a run with a fault, for JSON and as a text table.

Reads are GET and HEAD; all other methods are writes. A request belongs to the phase in which it was sent.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.e2e.load import Sample

PHASES = ("before", "during", "after")
# All metrics in the order of the table. Names in _ms are milliseconds, all others count requests.
LABELS = {
    "reads": "reads",
    "read_errors": "  errors (5xx or no answer)",
    **{f"{name}_{phase}_ms": f"  {name} {phase} the fault, ms" for name in ("p50", "p99") for phase in PHASES},
    "longest_ms": "  longest answer, ms",
    "live": "  answered live",
    "stale": "  answered stale",
    "default": "  answered by a default",
    "unmarked": "  answered without a source",
    "writes": "writes",
    "acknowledged": "  acknowledged (201)",
    "found": "  of these found afterwards",
    "refused": "  refused (503)",
    "write_errors": "  errors (other 5xx or no answer)",
}


def is_read(sample: Sample) -> bool:
    return sample.method in ("GET", "HEAD")


def kind(sample: Sample) -> str:
    """The result of a request: ``live``, ``stale``, ``default``, ``acknowledged``, ``refused``, ``error`` or ``other``.

    A 503 for a read is an error. The result of a write depends on its status only.
    """
    read = is_read(sample)
    if not read and sample.status in (201, 503):
        return "acknowledged" if sample.status == 201 else "refused"
    if sample.status == 0 or sample.status >= 500:
        return "error"
    return (read and sample.source) or "other"


def percentile(times: Iterable[float], share: float) -> float:
    """The nearest-rank percentile, which is one of the times. ``share`` is above 0 and at most 1."""
    ordered = sorted(times)
    return ordered[math.ceil(share * len(ordered)) - 1]


def phase(sample: Sample, fault: tuple[float, float]) -> str:
    start, end = fault
    return "before" if sample.at < start else "during" if sample.at < end else "after"


def rows(samples: Sequence[Sample], fault: tuple[float, float]) -> dict[str, float]:
    """The metrics of the samples by the names in ``LABELS``. ``fault`` is its start and end in seconds.

    A phase without reads has no percentiles.
    """
    reads = [sample for sample in samples if is_read(sample)]
    answers, writes = Counter(map(kind, reads)), Counter(kind(sample) for sample in samples if not is_read(sample))
    figures: dict[str, float] = {
        "reads": len(reads),
        "read_errors": answers["error"],
        **{source: answers[source] for source in ("live", "stale", "default")},
        "unmarked": answers["other"],
        "writes": writes.total(),
        "acknowledged": writes["acknowledged"],
        "refused": writes["refused"],
        "write_errors": writes["error"],
    }
    for name in PHASES:
        if times := [sample.took * 1000 for sample in reads if phase(sample, fault) == name]:
            figures[f"p50_{name}_ms"] = round(percentile(times, 0.5), 2)
            figures[f"p99_{name}_ms"] = round(percentile(times, 0.99), 2)
    if reads:
        figures["longest_ms"] = round(max(sample.took for sample in reads) * 1000, 2)
    return figures


def summary(samples: Sequence[Sample], fault: tuple[float, float], found: int | None) -> dict[str, float]:
    """All metrics of a run in the order of the table, for JSON.

    ``found`` is the number of acknowledged writes that were found afterwards; None if nobody looked.
    """
    figures = rows(samples, fault) | ({} if found is None else {"found": found})
    return {name: figures[name] for name in LABELS if name in figures}


def table(runs: Mapping[str, Mapping[str, float]]) -> str:
    """A text table with a column for each run, given as its name and its ``summary``."""
    widths = {name: max(len(name), 9) + 2 for name in runs}
    label = max(map(len, LABELS.values()))
    lines = [" " * label + "".join(f"{name:>{width}}" for name, width in widths.items())]
    for figure, words in LABELS.items():
        cells = (_cell(figure, run.get(figure)).rjust(widths[name]) for name, run in runs.items())
        lines.append(f"{words:<{label}}" + "".join(cells))
    return "\n".join(lines)


def _cell(figure: str, value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001  a dash for a missing value
    return f"{value:,.1f}" if figure.endswith("_ms") else f"{value:,.0f}"

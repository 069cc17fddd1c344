"""What a run with a fault in the middle comes to, in figures: for JSON, and as a plain-text table.

Reads are GET and HEAD, everything else is a write. A phase is made of the requests that were sent in it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.e2e.load import Sample

PHASES = ("before", "during", "after")
# Every figure in the table's order; what ends in _ms is milliseconds, all others count requests.
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
    """What became of a request: ``live``, ``stale``, ``default``, ``acknowledged``, ``refused``, ``error``, ``other``.

    A read is never refused: its 503 is an error. A write is known by its status alone, whatever was read on the way.
    """
    read = is_read(sample)
    if not read and sample.status in (201, 503):
        return "acknowledged" if sample.status == 201 else "refused"
    if sample.status == 0 or sample.status >= 500:
        return "error"
    return (read and sample.source) or "other"


def percentile(times: Iterable[float], share: float) -> float:
    """The nearest-rank percentile, so one of the times itself; ``share`` is above 0 and at most 1."""
    ordered = sorted(times)
    return ordered[math.ceil(share * len(ordered)) - 1]


def phase(sample: Sample, fault: tuple[float, float]) -> str:
    start, end = fault
    return "before" if sample.at < start else "during" if sample.at < end else "after"


def rows(samples: Sequence[Sample], fault: tuple[float, float]) -> dict[str, float]:
    """The figures that the samples hold, by the names of ``LABELS``; ``fault`` is its start and end in seconds.

    A phase in which nothing was read has no percentiles: they are left out.
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
    """All figures of a run in the table's order, ready for JSON.

    ``found`` counts the acknowledged writes that were there afterwards; None where nobody looked.
    """
    figures = rows(samples, fault) | ({} if found is None else {"found": found})
    return {name: figures[name] for name in LABELS if name in figures}


def table(runs: Mapping[str, Mapping[str, float]]) -> str:
    """Lines of text with a column for each run, given as its name and its ``summary``."""
    widths = {name: max(len(name), 9) + 2 for name in runs}
    label = max(map(len, LABELS.values()))
    lines = [" " * label + "".join(f"{name:>{width}}" for name, width in widths.items())]
    for figure, words in LABELS.items():
        cells = (_cell(figure, run.get(figure)).rjust(widths[name]) for name, run in runs.items())
        lines.append(f"{words:<{label}}" + "".join(cells))
    return "\n".join(lines)


def _cell(figure: str, value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001  a dash where there is no figure
    return f"{value:,.1f}" if figure.endswith("_ms") else f"{value:,.0f}"

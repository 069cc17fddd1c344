"""Ways to run the seed commands in tests."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command

from catalog.importers import reading
from catalog.importers.products import ProductImporter

ROOT = Path(__file__).resolve().parents[2]
HEADER = "asin,title\n"
AS_CSV = "; read as CSV (commas, doubled quotes)\n"
NEXT = "run build_recommendations to bring the recommendations up to date\n"


def seed(command: str, *words: str) -> str:
    out = io.StringIO()
    call_command(command, *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def shell(*words: str, feed: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command in its own process."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.run([sys.executable, "manage_recommender.py", *words], cwd=ROOT, input=feed, **streams)


def read(file: Path, **options: Any) -> list[Any]:
    """The raw rows of a file of products, each as its fields or as its line and the reason for rejection."""
    found = reading.rows(str(file), ProductImporter.columns, **options)
    return [fields if isinstance(fields, dict) else f"{line}: {fields}" for line, fields in found]

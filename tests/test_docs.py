"""The documentation leads where it says, stays short, and lists the settings that there are."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

# Imports both settings modules and prints every variable that they ask for.
ASKED_FOR = """
import environ
asked = set()
get_value = environ.Env.get_value
def noting(self, var, *args, **kwargs):
    asked.add(var)
    return get_value(self, var, *args, **kwargs)
environ.Env.get_value = noting
import ad_provider_site.settings, recommender_site.settings
print(*asked)
"""


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of each heading, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative_links(page: Path) -> Iterator[str]:
    links: list[str] = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    return (link for link in links if not link.startswith(("http://", "https://")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_and_anchors_exist(page: Path) -> None:
    broken = []
    for link in relative_links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_each_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in relative_links(ROOT / "README.md")}
    assert set(PAGES[1:]) <= linked


def test_the_readme_has_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_changelog_has_each_heading_once_in_a_release() -> None:
    for release in (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]:
        headings = re.findall(r"^\*\*(.+)\*\*$", release, re.MULTILINE)
        assert len(headings) == len(set(headings))


def test_the_settings_table_lists_every_variable_that_is_read_and_no_other(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "k" * 40, "ADS_SPOOL_DIR": str(tmp_path)}
    asked = subprocess.check_output([sys.executable, "-c", ASKED_FOR], cwd=ROOT, env=environment, text=True).split()
    of_gunicorn = re.findall(r'os\.environ\.get\("(\w+)"', (ROOT / "gunicorn.conf.py").read_text())
    operations = (ROOT / "docs/operations.md").read_text()
    section = operations.split("\n## Settings\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", section, re.MULTILINE)
    listed = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(listed) == sorted({*asked, *of_gunicorn})

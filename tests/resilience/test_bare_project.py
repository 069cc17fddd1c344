"""The example of resilience/README.md runs as it stands, in a project that has nothing else of this repository."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import resilience

PACKAGE = Path(resilience.__file__).parent
FILES = {
    "stock/__init__.py": "",
    "stock/models.py": """
from django.db import models


class Item(models.Model):
    name = models.TextField(unique=True)
    count = models.IntegerField()
""",
    "urls.py": """
from django.urls import path

from stock import views

urlpatterns = [path("items/<name>", views.item)]
""",
    "test_settings.py": """
from settings import *

SECRET_KEY = "bare"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["stock"]
ROOT_URLCONF = "urls"
DATABASES["archive"] = {"ENGINE": "resilience.backends.sqlite3", "NAME": "archive.sqlite3"}  # no breaker guards it
""",
    "run.py": """
import json, os, sys

sys.modules.update(dict.fromkeys(["redis", "prometheus_client", "rest_framework"]))  # as if not installed
os.environ["DJANGO_SETTINGS_MODULE"] = "test_settings"
import django

django.setup()
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client

from stock.models import Item

for alias in connections:
    call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
import wsgi
from resilience import breakers

client, seen = Client(), {}


def see(name, response):
    seen[name] = {"status": response.status_code, "body": response.content.decode(), **response.headers}


see("written", client.post("/items/pen", {"count": 3}, headers={"x-request-id": "r1"}))
see("live", client.get("/items/pen"))
connection.close()
os.rename("stock.sqlite3", "away.sqlite3")
see("stale", client.get("/items/pen"))
see("default", client.get("/items/cup"))
see("refused", client.post("/items/pen", {"count": 4}))
seen["archived"] = Item.objects.using("archive").count()
os.rename("away.sqlite3", "stock.sqlite3")
breakers.get("database").override("reset", by="run.py")
see("back", client.get("/items/pen"))
seen["changes"] = [(each["from_state"], each["to_state"], each["cause"]) for each in breakers.get("database").events()]
print(json.dumps(seen))
""",
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a client of the example sees before, during and after an outage."""
    folder = tmp_path_factory.mktemp("bare")
    shutil.copytree(PACKAGE, folder / "resilience", ignore=shutil.ignore_patterns("__pycache__"))
    example = re.findall(r"```python\n# (\S+\.py)\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    for name, text in {**dict(example), **FILES}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    run = subprocess.run([sys.executable, "-W", "error", "run.py"], cwd=folder, capture_output=True, text=True, env={})
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_live_answers_say_so_and_carry_the_request_id(seen: dict[str, Any]) -> None:
    assert (seen["written"]["status"], seen["written"]["X-Request-ID"]) == (200, "r1")
    assert (seen["live"]["X-Data-Source"], json.loads(seen["live"]["body"])) == ("live", {"name": "pen", "count": 3})


def test_reads_answer_during_an_outage(seen: dict[str, Any]) -> None:
    stale, default = seen["stale"], seen["default"]
    assert (stale["status"], stale["X-Data-Source"], stale["Age"]) == (200, "stale", "0")
    assert stale["body"] == seen["live"]["body"]
    assert (default["status"], default["X-Data-Source"]) == (200, "default")
    assert json.loads(default["body"]) == {"name": "cup", "count": None}


def test_writes_are_refused_during_an_outage(seen: dict[str, Any]) -> None:
    refused = seen["refused"]
    assert (refused["status"], refused["body"]) == (503, "The database is unavailable.")
    assert 0 < int(refused["Retry-After"]) <= 20


def test_a_database_without_a_breaker_goes_on(seen: dict[str, Any]) -> None:
    assert seen["archived"] == 0


def test_it_recovers_and_remembers_what_happened(seen: dict[str, Any]) -> None:
    assert seen["back"]["X-Data-Source"] == "live"
    assert seen["changes"] == [["open", "closed", "reset"], ["closed", "open", "file cannot be opened"]]

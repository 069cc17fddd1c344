"""The dashboard and the alert rules: every query parses and uses only what /metrics exposes."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from recommendations import candidates, metrics
from resilience import breakers
from resilience.errors import DependencyUnavailable
from resilience.http import BadAnswer
from resilience.metrics import STATES
from resilience.provenance import SOURCES
from service import (
    standby,  # noqa: F401  else the metric exists only with a standby
    urls,
)
from service.metrics import METHODS

DOCS = Path(__file__).resolve().parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text())
GROUPS = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
QUERIES += [(rule["alert"], rule["expr"]) for rule in RULES]

# Prometheus adds these labels to all that it scrapes, and makes this metric itself.
OF_THE_TARGET = {"job", "instance"}
OF_PROMETHEUS = {"up": set[str]()}
JOBS = ("recommender", "ad-provider")
# What the labels can be. A view that only one of the services has is not asked for by name.
VALUES = {
    "job": JOBS,
    "breaker": ("database", "ad-provider", "standby"),
    "state": STATES,
    "source": (*SOURCES, *candidates.SOURCES),
    "list": metrics.LISTS,
    "method": METHODS,
    "status": {str(status) for status in range(100, 600)},
    "view": {getattr(pattern, "name", None) or "" for pattern in urls.urlpatterns},
}


def parsed(query: str) -> promql_parser.Expr:
    """The query with durations instead of Grafana's variables. Variables for labels are text to the parser."""
    return promql_parser.parse(re.sub(r"\$__(rate_interval|range)\b", "5m", query))


def nodes(query: str) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(parsed(query), pre_visit=found.append)
    return found


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    return [node for node in nodes(query) if isinstance(node, promql_parser.VectorSelector)]


def grouping(query: str) -> set[str]:
    """The labels that the aggregations of a query keep."""
    modifiers = [node.modifier for node in nodes(query) if isinstance(node, promql_parser.AggregateExpr)]
    return {label for modifier in modifiers if modifier for label in modifier.labels}


def nonsense() -> None:
    raise BadAnswer


@pytest.fixture
def exposed(client: Client) -> dict[str, set[str]]:
    """The labels of each sample at /metrics by name, after everything that is counted has happened once."""
    with pytest.raises(DependencyUnavailable):
        breakers.get("ad-provider").call(nonsense)
    assert client.get("/ads")["X-Data-Source"] == "default"
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    samples = [sample for family in families for sample in family.samples]
    return {sample.name: set(sample.labels) for sample in samples} | OF_PROMETHEUS


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_queries_use_exposed_metrics(exposed: dict[str, set[str]], title: str, query: str) -> None:
    found = selectors(query)
    assert found
    for selector in found:
        assert selector.name in exposed
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= exposed[selector.name] | OF_THE_TARGET
    assert grouping(query) <= OF_THE_TARGET.union(*(exposed[str(selector.name)] for selector in found))


def test_every_metric_of_the_project_is_used(exposed: dict[str, set[str]]) -> None:
    watched = {str(selector.name) for _, query in QUERIES for selector in selectors(query)}
    ours = {name for name in exposed if re.match(r"http_|breaker_|answers_|recommendations_|standby_", name)}
    not_watched = {name for name in ours - watched if not name.endswith(("_created", "_sum", "_count"))}
    assert not not_watched


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_queries_use_label_values_that_exist(title: str, query: str) -> None:
    for matcher in (matcher for selector in selectors(query) for matcher in selector.matchers.matchers):
        if matcher.value.startswith("$"):
            continue
        is_pattern = matcher.op in (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe)
        for part in matcher.value.split("|") if is_pattern else [re.escape(matcher.value)]:
            assert any(re.fullmatch(part, value) for value in VALUES[matcher.name]), matcher


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_queries_select_the_two_services(title: str, query: str) -> None:
    chosen = {"job": "$job", "instance": "$instance"} if "$job" in query else {"job": "|".join(JOBS)}
    for selector in selectors(query):
        of_the_target = {m.name: m.value for m in selector.matchers.matchers if m.name in OF_THE_TARGET}
        assert of_the_target == chosen


def test_a_query_that_does_not_parse_is_found() -> None:
    with pytest.raises(ValueError, match="parenthesis"):
        parsed("sum(rate(answers_total[$__rate_interval])")


def test_the_dashboard_can_be_imported_anywhere() -> None:
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert DASHBOARD["schemaVersion"] >= 39
    assert DASHBOARD["id"] is None
    assert variables["datasource"]["type"] == "datasource"
    assert set(variables) == {"datasource", "job", "instance"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    assert used == {*variables, "__rate_interval", "__range", "__all"}


def test_variables_use_exposed_metrics(exposed: dict[str, set[str]]) -> None:
    asked = [variable["query"]["query"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    for query in asked:
        [(metric, label)] = re.findall(r"^label_values\((\w+)(?:{.*})?, (\w+)\)$", query)
        assert metric in exposed
        assert label in OF_THE_TARGET


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_describes_what_it_shows_and_what_to_do(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["targets"]
    # A state has a name and a colour instead of a unit.
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["mappings"] if panel["type"] == "state-timeline" else defaults["unit"]
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        assert source == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize(
    "panel", [panel for panel in PANELS if panel["type"] != "stat"], ids=lambda panel: panel["title"]
)
def test_legends_tell_the_series_apart(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) == grouping(target["expr"]) - {"le"}


def test_panels_have_distinct_positions_and_ids() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        x, y, width, height = (panel["gridPos"][side] for side in "xywh")
        place = set(itertools.product(range(x, x + width), range(y, y + height)))
        assert place
        assert x >= 0
        assert x + width <= 24
        assert not place & taken, panel["title"]
        taken |= place
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_states_and_sources_have_their_colours() -> None:
    panels = {panel["type"]: panel["fieldConfig"]["defaults"] for panel in PANELS}
    options = panels["state-timeline"]["mappings"][0]["options"].values()
    amber = "#EAB839"
    colours = {option["text"]: option["color"] for option in options}
    assert colours == dict(zip(STATES, ("green", "red", amber), strict=True))
    answers = next(panel for panel in PANELS if panel["title"] == "Answers by source")
    overrides = answers["fieldConfig"]["overrides"]
    colours = {each["matcher"]["options"]: each["properties"][0]["value"]["fixedColor"] for each in overrides}
    assert colours == dict(zip(SOURCES, ("green", amber, "red"), strict=True))
    assert answers["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert list(rule["annotations"]) == ["summary", "description", "what_to_do"]
    assert all(text.endswith((".", "?")) for text in rule["annotations"].values())
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    # Without an aggregation the target's labels stay.
    assert named <= (grouping(rule["expr"]) or OF_THE_TARGET)


def test_alerts_have_distinct_names() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)

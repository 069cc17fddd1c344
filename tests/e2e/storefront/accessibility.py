"""Checks a page with axe-core."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from tests.e2e.storefront.window import Window

RUN = "const done = arguments[1]; axe.run(arguments[0]).then(found => done(found.violations))"
SERIOUS = ("serious", "critical")


@cache
def _axe() -> str:
    return files("selenium_axe_python").joinpath("axe-core", "axe.min.js").read_text()


def barriers(window: Window) -> list[str]:
    """What is serious or critical for who sees or hears the page another way, in the light and the dark scheme."""
    window.run(_axe())
    window.paint("light")
    found = _run(window, {})
    window.paint("dark")  # differs in colours only
    found += _run(window, {"runOnly": ["color-contrast"]})
    window.paint("light")
    return [
        f"{window.path}: {rule['help']}: {json.dumps([node['html'] for node in rule['nodes']])}"
        for rule in found
        if rule["impact"] in SERIOUS
    ]


def _run(window: Window, options: dict[str, Any]) -> list[dict[str, Any]]:
    return list(window.tab.execute_async_script(RUN, {"resultTypes": ["violations"], **options}))

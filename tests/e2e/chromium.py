"""A headless Chromium."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

MISSING = "needs Chromium and its driver: apt-get install chromium chromium-driver"
FLAGS = [
    "--headless",
    "--no-sandbox",  # needed as root; it opens our own pages only
    "--disable-dev-shm-usage",  # /dev/shm is small in many containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running(profile: Path) -> Iterator[Chrome]:
    """A browser with an empty profile. Without a browser skip the test, or fail if REQUIRE_BROWSER is set."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options, ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


def forget(chromium: Chrome) -> None:
    """Leave the page, and drop what it and earlier ones left behind."""
    origin = chromium.execute_script("return location.origin")
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    for command in (
        "Network.clearBrowserCookies",
        "Network.clearBrowserCache",
        "Emulation.clearDeviceMetricsOverride",
    ):
        chromium.execute_cdp_cmd(command, {})
    for kind in ("browser", "performance"):
        _log(chromium, kind)


def _log(chromium: Chrome, kind: str) -> list[dict[str, Any]]:
    return list(chromium.get_log(kind))  # type: ignore[no-untyped-call]


def console(chromium: Chrome) -> list[dict[str, Any]]:
    """The console messages since the last call."""
    return _log(chromium, "browser")


def errors(chromium: Chrome) -> list[dict[str, Any]]:
    """The console errors since the last call."""
    return [entry for entry in console(chromium) if entry["level"] == "SEVERE"]


def requested_hosts(chromium: Chrome) -> set[str]:
    """The hosts that the browser sent requests to since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in _log(chromium, "performance")]
    addresses = [
        urlsplit(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return {address.netloc for address in addresses if address.scheme not in ("data", "chrome", "chrome-untrusted")}

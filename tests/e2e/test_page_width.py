"""No page for readers is wider than its window, on a telephone or a desk, and no code runs out of sight."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.e2e import chromium
from tests.e2e.admin import Admin
from tests.e2e.services import Service
from tests.e2e.test_content_security_policy import sign_in

PAGES = ("/", "/status", "/docs", "/redoc", "/breakers", "/breakers/database", "/nothing-here")
SHOP = ("/about", "/search?q=pen", "/search?min_price=x", "/item/missing", "/cart")
SCREENS: dict[str, dict[str, int]] = {
    "telephone": {"width": 390, "height": 844},
    "desk": {"width": 1280, "height": 1000},
}
WIDTH = "return document.documentElement.scrollWidth"
# Fields scroll by themselves when somebody types.
CUT_OFF = """
return [...document.querySelectorAll("body *:not(input):not(textarea)")]
  .filter(e => e.clientWidth > 20 && e.scrollWidth > e.clientWidth + 1 && !e.closest("#swagger-ui, redoc"))
  .map(e => e.outerHTML.slice(0, 200))
"""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def tab(tmp_path: Path, screen: str) -> Iterator[Chrome]:
    with chromium.running(tmp_path / "profile") as browser:
        emulated = SCREENS[screen] | {"deviceScaleFactor": 1, "mobile": screen == "telephone"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", emulated)
        yield browser


def fits(tab: Chrome, url: str, width: int) -> None:
    tab.get(url)
    assert tab.execute_script("return document.documentElement.lang") == "en", url
    assert tab.execute_script(WIDTH) <= width, url
    assert tab.execute_script(CUT_OFF) == [], url


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_fit_the_window(
    tab: Chrome, screen: str, recommender: Service, ad_provider: Service, admin: Admin, asins: list[str]
) -> None:
    width = SCREENS[screen]["width"]
    for service in (recommender, ad_provider):
        for path in PAGES:
            fits(tab, service.url + path, width)
    for path in (*SHOP, f"/item/{asins[0]}", "/accounts/login/"):
        fits(tab, recommender.url + path, width)
    fits(tab, f"{ad_provider.url}/ads", width)
    sign_in(tab, recommender, admin)
    for path in ("/reviews?limit=2", f"/products/{asins[0]}", "/recommendations/popular", "/breakers/database"):
        fits(tab, recommender.url + path, width)

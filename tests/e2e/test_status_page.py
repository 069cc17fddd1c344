"""The status page in a real browser."""

import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psutil
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e import chromium
from tests.e2e.admin import Admin
from tests.e2e.services import Postgres, Service, eventually

# An outage long enough for a page that looks every second, and deadlines that a busy machine keeps.
SETTINGS = {"DB_RESET_TIMEOUT": "6", "DB_DEADLINE": "10", "AD_DEADLINE": "10", "SABOTAGE": "on"}
BARS = "return [...document.querySelectorAll(arguments[0])].filter(e => e.getBoundingClientRect().height).length"
# What sticks out of its place: it is cut off, or has to be scrolled sideways.
TOO_WIDE = """
return [...document.querySelectorAll("*")]
  .filter(element => element.clientWidth && element.scrollWidth > element.clientWidth)
  .map(element => element.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def recommender(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    settings = SETTINGS | {"DATABASE_URL": postgres.url, "AD_PROVIDER_URL": ad_provider.url}
    with Service("recommender_site", **settings) as service:
        yield service


@pytest.fixture
def tab(new_tab: Chrome) -> Iterator[Chrome]:
    """A browser in which no script may fail."""
    yield new_tab
    assert [error for error in chromium.errors(new_tab) if error["source"] != "network"] == []


@pytest.fixture
def page(tab: Chrome, recommender: Service) -> Chrome:
    """The recommender's status page, with all circuits closed."""
    eventually(lambda: all(source(recommender, path) == "live" for path in ("/products", "/ads")))
    tab.get(f"{recommender.url}/status")
    for name in ("database", "ad-provider"):
        sees(tab, name, "● up")
    return tab


def source(service: Service, path: str) -> str:
    return service.get(path).headers["X-Data-Source"]


def part(tab: Chrome, name: str) -> WebElement:
    """The section of one dependency."""
    return tab.find_element(By.CSS_SELECTOR, f"[data-name={name}]")


def sees(tab: Chrome, name: str, pattern: str) -> re.Match[str]:
    """Wait until the visible text of that section matches."""
    found: re.Match[str] = eventually(lambda: re.search(pattern, part(tab, name).text))
    return found


def is_green(tab: Chrome, name: str) -> bool:
    colour = part(tab, name).find_element(By.CLASS_NAME, "state").value_of_css_property("color")
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    return green > max(red, blue)


def press(tab: Chrome, name: str, label: str) -> None:
    """Press the element with this label. Unfold it first if it is folded."""
    found = f".//*[self::button or self::a or self::summary][starts-with(., '{label}')]"
    element = part(tab, name).find_element(By.XPATH, found)
    if not element.is_displayed():
        element.find_element(By.XPATH, "ancestor::details/summary").click()
    element.click()


def bars(tab: Chrome, name: str, kind: str) -> int:
    drawn = f"[data-name={name}] svg .{kind}"
    count = (
        "return [...document.querySelectorAll(arguments[0])].filter(bar => bar.getBoundingClientRect().height).length"
    )
    return int(tab.execute_script(count, drawn))


def freshness(tab: Chrome) -> str:
    return tab.find_element(By.ID, "fresh").text


def test_an_outage_appears_and_disappears_without_a_reload(page: Chrome, recommender: Service) -> None:
    assert is_green(page, "database")
    assert is_green(page, "ad-provider")
    page.execute_script("window.before = 'still here'")
    press(page, "database", "State changes")

    recommender.post("/sabotage-db")
    left = int(sees(page, "database", r"● down \(open\)\s+Next probe in (\d) s\. Last error: sabotage")[1])
    assert not is_green(page, "database")
    assert is_green(page, "ad-provider")
    sees(page, "database", rf"Next probe in [1-{left - 1}] s")
    sees(page, "database", r"up → down\s+sabotage")

    sees(page, "database", r"● to be probed \(half-open\)\s+The next call is the probe")
    assert source(recommender, "/products") == "live"
    sees(page, "database", r"● up(?s:.*)to be probed → up\s+probe succeeded")
    assert is_green(page, "database")
    assert page.execute_script("return window.before") == "still here"


def test_the_strip_chart_has_a_bar_for_what_readers_got(page: Chrome, recommender: Service, asins: list[str]) -> None:
    eventually(lambda: bars(page, "database", "live"))
    stale, default = bars(page, "database", "stale"), bars(page, "database", "default")
    recommender.post("/sabotage-db")
    assert source(recommender, "/products") == "stale"
    assert source(recommender, f"/products/{asins[-1]}") == "default"
    eventually(lambda: bars(page, "database", "stale") > stale)
    eventually(lambda: bars(page, "database", "default") > default)
    sees(page, "database", r"[1-9]\d* live\s+■ [1-9]\d* stale\s+■ [1-9]\d* default")


def test_an_operator_signs_in_and_overrides_a_breaker(page: Chrome, recommender: Service, admin: Admin) -> None:
    press(page, "ad-provider", "Operators sign in")
    page.find_element(By.NAME, "username").send_keys("admin")
    page.find_element(By.NAME, "password").send_keys(admin.password)
    page.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    eventually(lambda: page.current_url == f"{recommender.url}/status")

    press(page, "ad-provider", "Force down")
    sees(page, "ad-provider", r"● down \(open\)\s+Overridden: forced down\.")
    sees(page, "ad-provider", "Done.")
    press(page, "ad-provider", "State changes")
    sees(page, "ad-provider", r"up → down\s+forced down")
    assert source(recommender, "/ads") == "default"

    press(page, "ad-provider", "Reset")
    sees(page, "ad-provider", "● up")
    assert "Overridden" not in part(page, "ad-provider").text
    assert source(recommender, "/ads") == "live"


def test_others_see_why_the_button_does_nothing(page: Chrome, recommender: Service) -> None:
    press(page, "database", "Force down")
    sees(page, "database", "Not done: sign in as an operator first.")
    sees(page, "database", "● up")
    assert recommender.state("database") == "closed"


def test_it_requests_nothing_from_other_hosts(page: Chrome, recommender: Service) -> None:
    seen = freshness(page)
    eventually(lambda: freshness(page) != seen)
    assert chromium.requested_hosts(page) == {urlsplit(recommender.url).netloc}
    assert chromium.errors(page) == []


def test_it_fits_a_phone_with_the_longest_words(page: Chrome, recommender: Service) -> None:
    size = {"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    long = "x" * 64
    recommender.post("/sabotage-db", headers={"X-Request-ID": long})
    for name in ("database", "ad-provider"):
        press(page, name, "State changes")
        press(page, name, "Force down")
        sees(page, name, "Not done")
    sees(page, "database", long)
    assert page.execute_script("return document.scrollingElement.scrollWidth") <= 360
    assert page.execute_script(TOO_WIDE) == []


def test_the_front_page_counts_down_to_the_probe(page: Chrome, recommender: Service) -> None:
    recommender.post("/sabotage-db")
    page.get(f"{recommender.url}/")

    def shown(pattern: str) -> re.Match[str] | None:
        return re.search(pattern, page.find_element(By.CLASS_NAME, "list").text)

    left = int(eventually(lambda: shown(r"down \(open\)\s+next probe in (\d) s"))[1])
    eventually(lambda: shown(rf"next probe in [1-{left - 1}] s · last error: sabotage"))
    eventually(lambda: shown(r"to be probed \(half-open\)\s+the next call is the probe"))


def test_all_worker_processes_are_together(tab: Chrome, postgres: Postgres) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url, WEB_CONCURRENCY="2", **SETTINGS) as service:
        tab.get(f"{service.url}/status")
        for _ in range(40):  # both processes get some
            service.get("/products?limit=1")
        sees(tab, "database", "■ 40 live")
        service.post("/sabotage-db")  # opens the circuit of the process that answers
        sees(tab, "database", r"● down \(open\) in 1 of 2 processes")
        sees(tab, "database", r"● (up|to be probed)")


def test_selected_text_stays_selected(page: Chrome, recommender: Service) -> None:
    recommender.post("/sabotage-db", headers={"X-Request-ID": "to-be-copied"})
    press(page, "database", "State changes")
    sees(page, "database", "to-be-copied")
    page.execute_script("getSelection().selectAllChildren(document.querySelector('.events code'))")
    seen = freshness(page)
    eventually(lambda: freshness(page) != seen)
    assert page.execute_script("return getSelection().toString()") == "to-be-copied"


def test_the_ad_provider_has_one_too(tab: Chrome, ad_provider: Service) -> None:
    tab.get(f"{ad_provider.url}/status")
    assert tab.find_element(By.TAG_NAME, "h1").text == "Status of the ad provider"
    ad_provider.post("/ads", json={"limit": 1})
    eventually(lambda: bars(tab, "database", "live"))
    sees(tab, "database", "● up")
    press(tab, "database", "Force down")
    sees(tab, "database", "Not done: sign in as an operator first.")
    assert chromium.requested_hosts(tab) == {urlsplit(ad_provider.url).netloc}


def test_it_says_when_the_service_is_down_and_up_again(tab: Chrome, postgres: Postgres) -> None:
    with Service("recommender_site", DATABASE_URL=postgres.url) as service:
        tab.get(f"{service.url}/status")
        sees(tab, "database", "● up")
        tab.execute_script("window.before = 'still here'")
    eventually(lambda: "the service does not answer; retrying" in freshness(tab))
    press(tab, "database", "Force down")
    sees(tab, "database", "The service does not answer.")
    with Service("recommender_site", service.port, DATABASE_URL=postgres.url):
        eventually(lambda: freshness(tab).startswith("as of"))
        assert tab.execute_script("return window.before") == "still here"


def test_it_says_when_the_service_hangs(page: Chrome, recommender: Service) -> None:
    master = psutil.Process(recommender.process.pid)
    processes = [master, *master.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: "the service does not answer; retrying" in freshness(page))
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
    eventually(lambda: freshness(page).startswith("as of"))

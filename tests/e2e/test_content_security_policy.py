"""Every page of both services works under its Content-Security-Policy, in a real browser."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.e2e import chromium
from tests.e2e.admin import Admin
from tests.e2e.services import Postgres, Service, eventually, manage

# Deadlines that a busy machine keeps.
SETTINGS = {"DB_DEADLINE": "10", "AD_DEADLINE": "10", "SABOTAGE": "on"}
COMMON = ("/", "/status", "/docs", "/breakers/database", "/accounts/login/", "/admin/login/", "/nothing-here")
OF_A_PRODUCT = ("", "/reviews", "/recommendations")
INLINE_SCRIPT = """
const script = document.createElement("script");
script.textContent = "window.inlineRan = true";
document.body.append(script);
return window.inlineRan ?? false
"""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def ad_provider(postgres: Postgres) -> Iterator[Service]:
    manage("seed_campaigns", project="ad_provider", DATABASE_URL=postgres.url)
    with Service("ad_provider_site", DATABASE_URL=postgres.url, **SETTINGS) as service:
        yield service


@pytest.fixture(scope="module")
def recommender(postgres: Postgres, ad_provider: Service) -> Iterator[Service]:
    settings = SETTINGS | {"DATABASE_URL": postgres.url, "AD_PROVIDER_URL": ad_provider.url}
    with Service("recommender_site", **settings) as service:
        yield service


# /redoc asks for it on each load, and the policy refuses: a test of its own looks at that.
REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.fixture
def tab(new_tab: Chrome) -> Iterator[Chrome]:
    """A browser whose console must stay clean: no violation of the policy, and no failing script."""
    yield new_tab
    assert [each for each in complaints(new_tab) if REDOC_LOGO not in each] == []


def complaints(tab: Chrome) -> list[str]:
    """Blocked resources and failed scripts since the last call."""
    return [
        entry["message"]
        for entry in chromium.console(tab)
        if "Content Security Policy" in entry["message"]
        or (entry["level"] == "SEVERE" and entry["source"] != "network")
    ]


def sign_in(tab: Chrome, service: Service, admin: Admin) -> None:
    tab.get(f"{service.url}/accounts/login/?next=/")
    tab.find_element(By.NAME, "username").send_keys("admin")
    tab.find_element(By.NAME, "password").send_keys(admin.password)
    tab.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    eventually(lambda: tab.current_url == f"{service.url}/")


def kind(path: str) -> str:
    """The kind of a page: pages for different objects have the same kind."""
    return re.sub(r"/(\d+|D[0-9A-Z]{9})(?=/|$)", "/*", path)


def walk(tab: Chrome, service: Service, *paths: str) -> set[str]:
    """Open these pages, and one of each kind that they link to. Returns the kinds."""
    waiting, seen = list(paths), set(map(kind, paths))
    while waiting:
        path = waiting.pop()
        tab.get(service.url + path)
        found = complaints(tab)
        assert found == [], path
        for link in tab.execute_script("return [...document.links].map(link => link.href)"):
            url = urlsplit(link)
            page = url.path
            if url.netloc == urlsplit(service.url).netloc and kind(page) not in seen and not page.endswith(".csv"):
                seen.add(kind(page))
                waiting.append(page)
    return seen


def test_the_policy_is_in_force_and_the_console_reports_what_it_blocks(tab: Chrome, recommender: Service) -> None:
    tab.get(f"{recommender.url}/status")
    assert tab.execute_script(INLINE_SCRIPT) is False
    (complaint,) = complaints(tab)
    assert "Content Security Policy" in complaint


@pytest.mark.parametrize("signed_in", [False, True], ids=["stranger", "staff"])
def test_no_page_of_the_recommender_breaks(
    tab: Chrome, recommender: Service, admin: Admin, asins: list[str], signed_in: bool
) -> None:
    if signed_in:
        sign_in(tab, recommender, admin)
    kinds = walk(tab, recommender, *COMMON, *(f"/products/{asins[0]}{page}" for page in OF_A_PRODUCT))
    assert {"/products", "/recommendations/popular", "/ads", "/schema", "/metrics"} <= kinds
    if signed_in:
        assert {"/admin/catalog/product/add/", "/admin/catalog/review/*/change/", "/admin/auth/user/*/delete/"} <= kinds


@pytest.mark.parametrize("signed_in", [False, True], ids=["stranger", "staff"])
def test_no_page_of_the_ad_provider_breaks(tab: Chrome, ad_provider: Service, admin: Admin, signed_in: bool) -> None:
    if signed_in:
        sign_in(tab, ad_provider, admin)
    kinds = walk(tab, ad_provider, *COMMON)
    assert {"/schema", "/metrics"} <= kinds
    if signed_in:
        assert {"/admin/campaigns/campaign/preview/", "/admin/campaigns/campaign/*/report/"} <= kinds


@pytest.mark.parametrize("name", ["recommender", "ad_provider"])
def test_the_docs_list_every_call_and_can_try_one(tab: Chrome, name: str, request: pytest.FixtureRequest) -> None:
    service = request.getfixturevalue(name)
    tab.get(f"{service.url}/docs")
    eventually(lambda: len(tab.find_elements(By.CLASS_NAME, "opblock")) > 5)
    eventually(lambda: tab.find_elements(By.ID, "operations-operations-livez"))[0].click()
    eventually(lambda: tab.find_elements(By.CSS_SELECTOR, ".try-out__btn"))[0].click()
    eventually(lambda: tab.find_elements(By.CSS_SELECTOR, ".execute"))[0].click()
    eventually(
        lambda: any("alive" in each.text for each in tab.find_elements(By.CSS_SELECTOR, ".live-responses-table"))
    )


@pytest.mark.parametrize("name", ["recommender", "ad_provider"])
def test_redoc_lists_every_call_and_asks_no_other_host(
    new_tab: Chrome, name: str, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue(name)
    new_tab.get(f"{service.url}/redoc")
    eventually(lambda: len(new_tab.find_elements(By.CSS_SELECTOR, "[data-section-id*='/operation/']")) > 5)
    eventually(lambda: not new_tab.find_elements(By.CSS_SELECTOR, "img[alt='redocly logo']"))
    (refused,) = complaints(new_tab)
    assert REDOC_LOGO in refused
    assert "img-src 'self' data:" in refused


def test_the_pages_of_the_admin_have_their_scripts(tab: Chrome, ad_provider: Service, admin: Admin) -> None:
    sign_in(tab, ad_provider, admin)
    tab.get(f"{ad_provider.url}/admin/campaigns/campaign/add/")
    tab.find_element(By.CSS_SELECTOR, ".field-advertiser .select2-selection").click()
    eventually(lambda: tab.find_elements(By.CSS_SELECTOR, "li.select2-results__option[aria-selected]"))
    tab.find_element(By.CSS_SELECTOR, "body").click()
    tab.execute_script("document.querySelector('.datetimeshortcuts a .date-icon').scrollIntoView({block: 'center'})")
    tab.find_element(By.CSS_SELECTOR, ".datetimeshortcuts a .date-icon").click()
    eventually(lambda: tab.find_element(By.CSS_SELECTOR, ".calendarbox table").is_displayed())
    # The button of the front page requests ads.
    tab.get(ad_provider.url)
    tab.find_element(By.CSS_SELECTOR, "#ask button").click()
    eventually(lambda: tab.find_elements(By.CSS_SELECTOR, "#ads li"))


def test_the_browsable_pages_have_their_scripts(
    tab: Chrome, recommender: Service, admin: Admin, asins: list[str]
) -> None:
    sign_in(tab, recommender, admin)
    tab.get(f"{recommender.url}/products/{asins[0]}")
    eventually(lambda: tab.find_elements(By.CSS_SELECTOR, ".response-info .str"))
    title = tab.find_element(By.NAME, "title")
    title.clear()
    title.send_keys("Renamed in a browser")
    title.find_element(By.XPATH, "ancestor::form//button[contains(., 'PUT')]").click()
    eventually(lambda: recommender.get(f"/products/{asins[0]}").json()["title"] == "Renamed in a browser")
    eventually(lambda: tab.page_source.count("Renamed in a browser") > 1)


def test_the_buttons_of_the_page_about_the_service_break_a_dependency(tab: Chrome, recommender: Service) -> None:
    tab.get(f"{recommender.url}/about")
    tab.find_element(By.CSS_SELECTOR, "[action='/sabotage-ad-server'] button").click()
    eventually(lambda: 'class="open"' in tab.page_source)


def test_a_signed_in_user_can_log_out(tab: Chrome, recommender: Service, admin: Admin) -> None:
    sign_in(tab, recommender, admin)
    tab.get(f"{recommender.url}/reviews")
    tab.find_element(By.XPATH, "//button[. = 'Log out']").click()
    eventually(lambda: tab.find_elements(By.LINK_TEXT, "Log in"))
    assert tab.current_url == f"{recommender.url}/reviews"

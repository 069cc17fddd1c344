"""What an advertiser sees while typing the targets of an ad, in a real browser."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.e2e.admin import Admin
from tests.e2e.services import Postgres, Service, eventually, manage
from tests.e2e.test_content_security_policy import complaints, sign_in

# A product and a category that are told by their names, and an ad without a target.
AD = """
from django.utils import timezone
from campaigns.models import MICROS, Advertiser, Campaign, SponsoredProduct
from catalog.models import Product
pen = Product.objects.create(asin="QUILL-1", title="Goose quill", categories=["Antiques", "Quills"])
campaign = Campaign.objects.create(advertiser=Advertiser.objects.create(name="Quayside"), name="Quills",
    starts=timezone.now(), daily_budget=MICROS, total_budget=MICROS)
print("AD", SponsoredProduct.objects.create(campaign=campaign, product=pen).pk)
"""
TARGETS = "SELECT kind, value, bid FROM campaigns_target t WHERE t.ad_id = {} ORDER BY t.id"
SLOW_FIRST = """
const fetched = window.fetch;
let calls = 0;
window.fetch = async (...request) => {
    const number = calls++;
    const response = await fetched(...request);
    await new Promise(resolve => setTimeout(resolve, number ? 0 : 1500));
    return response;
};
"""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def ad(postgres: Postgres) -> int:
    said = manage("shell", "--verbosity=0", "-c", AD, project="ad_provider", DATABASE_URL=postgres.url)
    return int(said.rpartition("AD ")[2])


@pytest.fixture(scope="module")
def service(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    spool = str(tmp_path_factory.mktemp("spool"))
    with Service("ad_provider_site", DATABASE_URL=postgres.url, DB_DEADLINE="10", ADS_SPOOL_DIR=spool) as service:
        yield service


@pytest.fixture
def page(service: Service, admin: Admin, ad: int, new_tab: Chrome) -> Iterator[Chrome]:
    """The page of the ad, with three empty lines for targets."""
    tab = new_tab
    sign_in(tab, service, admin)
    tab.get(f"{service.url}/admin/campaigns/sponsoredproduct/{ad}/change/")
    while len(tab.find_elements(By.CSS_SELECTOR, "tr.dynamic-targets")) < 3:
        more = tab.find_element(By.CSS_SELECTOR, "#targets-group .add-row a")
        tab.execute_script("arguments[0].scrollIntoView({block: 'center'})", more)
        more.click()
    yield tab
    assert complaints(tab) == []


def typed(page: Chrome, line: int, kind: str, value: str) -> WebElement:
    Select(page.find_element(By.NAME, f"targets-{line}-kind")).select_by_value(kind)
    field = page.find_element(By.NAME, f"targets-{line}-value")
    field.send_keys(value)
    return field


def offered(page: Chrome, field: WebElement) -> list[tuple[str, str]]:
    """The values that the browser offers for a field, each with its label."""
    script = "return [...(arguments[0].list?.options ?? [])].map(each => [each.value, each.label])"
    return [(value, label) for value, label in page.execute_script(script, field)]


def test_products_and_categories_are_offered_while_somebody_types(page: Chrome) -> None:
    product, category = typed(page, 0, "product", "goose"), typed(page, 1, "category", "antiq")
    eventually(lambda: offered(page, product) == [("QUILL-1", "Goose quill")])
    eventually(lambda: [value for value, _ in offered(page, category)] == ["Antiques"])
    category.clear()
    category.send_keys("quil")
    eventually(lambda: [value for value, _ in offered(page, category)] == ["Quills"])


def test_a_keyword_becomes_what_it_is_compared_as_before_it_is_saved(page: Chrome, postgres: Postgres, ad: int) -> None:
    keyword = typed(page, 0, "keyword", "  Gel   PEN Maße")
    assert keyword.get_attribute("value") == "  Gel   PEN Maße"  # not while somebody types
    keyword.send_keys(Keys.TAB)
    eventually(lambda: keyword.get_attribute("value") == "gel pen masse")
    assert offered(page, keyword) == []
    page.find_element(By.NAME, "targets-0-bid").send_keys("0.50")
    page.find_element(By.NAME, "_continue").click()
    eventually(lambda: postgres.ask(TARGETS.format(ad)) == [("keyword", "gel pen masse", 500_000)])


def test_another_kind_offers_its_own_values(page: Chrome) -> None:
    field = typed(page, 2, "keyword", "QUILL")
    field.send_keys(Keys.TAB)
    eventually(lambda: field.get_attribute("value") == "quill")
    Select(page.find_element(By.NAME, "targets-2-kind")).select_by_value("category")
    eventually(lambda: [value for value, _ in offered(page, field)] == ["Quills"])
    assert field.get_attribute("value") == "quill"


def test_a_slow_answer_for_one_line_is_used_though_another_line_is_typed_in(page: Chrome) -> None:
    page.execute_script(SLOW_FIRST)
    first = typed(page, 1, "keyword", "INK")
    first.send_keys(Keys.TAB)
    second = typed(page, 2, "keyword", "PAPER")
    second.send_keys(Keys.TAB)
    eventually(lambda: second.get_attribute("value") == "paper")
    eventually(lambda: first.get_attribute("value") == "ink")

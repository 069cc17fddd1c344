"""What must be in sight on the staff's pages, in a window of 1280 pixels and on a telephone."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.e2e.admin import Admin
from tests.e2e.services import Postgres, Service, manage
from tests.e2e.test_content_security_policy import sign_in

NAMED = """
from campaigns.models import Campaign
Campaign.objects.filter(pk__in=Campaign.objects.filter(status="active")[:1]).update(name="W" * 200)
"""
RULED = """
from catalog.models import Product
from recommendations.models import MerchandisingRule
for product in Product.objects.all()[:5]:
    MerchandisingRule.objects.create(product=product, action="boost", category="Stationery", ends="2099-12-31T12:59Z")
"""
LENGTHENED = """
from catalog.models import Product, Review
from django.db.models import Max, Min
Product.objects.filter(pk=Product.objects.aggregate(first=Min("pk"))["first"]).update(title="T" * 500, brand="B" * 200)
longer = {"reviewer_id": "R" * 64, "reviewer_name": "N" * 200, "summary": "S" * 500}
Review.objects.filter(pk=Review.objects.aggregate(last=Max("pk"))["last"]).update(**longer)
"""
# The tables that are wider than their place, which then scrolls.
CUT = """
return [...document.querySelectorAll(".results, .report-table")].filter(e => e.scrollWidth > e.clientWidth).length
"""
WIDTH = "return document.documentElement.scrollWidth"
TELEPHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def tab(new_tab: Chrome) -> Chrome:
    new_tab.set_window_size(1280, 1000)
    return new_tab


def test_a_name_without_a_blank_hides_nothing_beside_it(
    postgres: Postgres, admin: Admin, tab: Chrome, tmp_path: Path
) -> None:
    manage("seed_campaigns", project="ad_provider", DATABASE_URL=postgres.url)
    manage("shell", "--verbosity=0", "-c", NAMED, project="ad_provider", DATABASE_URL=postgres.url)
    settings = {"DATABASE_URL": postgres.url, "DB_DEADLINE": "10", "ADS_SPOOL_DIR": str(tmp_path / "spool")}
    with Service("ad_provider_site", **settings) as service:
        sign_in(tab, service, admin)
        campaigns = f"{service.url}/admin/campaigns/campaign/"
        for url in (campaigns, f"{service.url}/admin/campaigns/event/"):
            tab.get(url)
            assert tab.execute_script(CUT) == 0, url
        tab.get(campaigns)
        tab.find_element("partial link text", "WWW").click()
        assert tab.execute_script(WIDTH) <= 1280
        tab.find_element("link text", "report").click()
        assert tab.execute_script(WIDTH) <= 1280
        assert tab.execute_script(CUT) == 0
        tab.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", TELEPHONE)
        tab.get(f"{campaigns}preview/?keywords=pen,pens,paper,chair,desk")
        assert tab.find_elements("css selector", ".report-table")
        assert tab.execute_script(WIDTH) <= TELEPHONE["width"]


def test_the_list_of_rules_shows_their_dates(postgres: Postgres, admin: Admin, tab: Chrome) -> None:
    manage("shell", "--verbosity=0", "-c", RULED, DATABASE_URL=postgres.url)
    with Service("recommender_site", DATABASE_URL=postgres.url, DB_DEADLINE="10") as service:
        sign_in(tab, service, admin)
        tab.get(f"{service.url}/admin/recommendations/merchandisingrule/")
        assert tab.find_elements("css selector", "td.field-ends")
        assert tab.execute_script(CUT) == 0


def test_long_names_hide_no_column_of_products_and_reviews(postgres: Postgres, admin: Admin, tab: Chrome) -> None:
    manage("shell", "--verbosity=0", "-c", LENGTHENED, DATABASE_URL=postgres.url)
    with Service("recommender_site", DATABASE_URL=postgres.url, DB_DEADLINE="10") as service:
        sign_in(tab, service, admin)
        for model, last in (("product", "available"), ("review", "day")):
            tab.get(f"{service.url}/admin/catalog/{model}/")
            assert tab.find_elements("css selector", f"td.field-{last}")
            assert tab.execute_script(CUT) == 0, model
        tab.find_element("css selector", ".field-id a").click()
        assert tab.execute_script(WIDTH) <= 1280

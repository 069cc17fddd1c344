"""What must be in sight on an advertiser's pages, in a window of 1280 pixels."""

from pathlib import Path

import pytest

from tests.e2e import chromium
from tests.e2e.admin import Admin
from tests.e2e.services import Postgres, Service, manage
from tests.e2e.test_content_security_policy import sign_in

NAMED = """
from campaigns.models import Campaign
Campaign.objects.filter(pk__in=Campaign.objects.filter(status="active")[:1]).update(name="W" * 200)
"""
RIGHT_EDGES = """
return ["now", "report_link", "spent_today"].map(
    name => Math.max(...[...document.querySelectorAll(`td.field-${name}`)].map(e => e.getBoundingClientRect().right)))
"""
LIST_EDGE = "return document.querySelector('.results').getBoundingClientRect().right"
WIDTH = "return document.documentElement.scrollWidth"

pytestmark = pytest.mark.timeout(400)


def test_a_name_without_a_blank_hides_nothing_beside_it(postgres: Postgres, admin: Admin, tmp_path: Path) -> None:
    manage("seed_campaigns", project="ad_provider", DATABASE_URL=postgres.url)
    manage("shell", "--verbosity=0", "-c", NAMED, project="ad_provider", DATABASE_URL=postgres.url)
    settings = {"DATABASE_URL": postgres.url, "DB_DEADLINE": "10", "ADS_SPOOL_DIR": str(tmp_path / "spool")}
    with Service("ad_provider_site", **settings) as service:
        tab = chromium.start(tmp_path / "profile")
        try:
            tab.set_window_size(1280, 1000)
            sign_in(tab, service, admin)
            tab.get(f"{service.url}/admin/campaigns/campaign/")
            assert max(tab.execute_script(RIGHT_EDGES)) <= tab.execute_script(LIST_EDGE)
            tab.find_element("partial link text", "WWW").click()
            assert tab.execute_script(WIDTH) <= 1280
            tab.find_element("link text", "report").click()
            assert tab.execute_script(WIDTH) <= 1280
        finally:
            tab.quit()

"""An ad counts as seen when it is in view, and its click leads through the ad provider to the product."""

import time
from urllib.parse import urlsplit

from tests.e2e import chromium
from tests.e2e.services import Postgres, Service, eventually
from tests.e2e.storefront.window import Window

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
# The second window has the address of the first, so that it is counted but not billed.
COUNTS = """
SELECT kind, sum(count) FROM (
  SELECT kind, 1 AS count FROM campaigns_event UNION ALL SELECT kind, count FROM campaigns_unbilled
) AS counted GROUP BY kind
"""


def test_an_ad_is_counted_when_seen_and_leads_to_its_product(
    window: Window, popular: list[str], ad_provider: Service, postgres: Postgres
) -> None:
    # Selenium's own name is that of a robot.
    window.command("Network.setUserAgentOverride", {"userAgent": BROWSER})
    before = dict(postgres.ask(COUNTS))

    def counted(kind: str) -> int:
        return int(dict(postgres.ask(COUNTS)).get(kind, 0) - before.get(kind, 0))

    def is_sold() -> bool:
        window.open(f"/item/{popular[0]}")
        return bool(window.texts(".ads .sponsored"))

    eventually(is_sold)  # a process that has just begun may know of no campaign yet
    host = urlsplit(ad_provider.url).netloc
    if window.has_scripts:  # without them the browser decides, and it looks far ahead
        assert host not in chromium.requested_hosts(window.tab)
    window.run("document.querySelector('.ads li:has(.sponsored)').scrollIntoView({block: 'center'})")
    eventually(lambda: host in chromium.requested_hosts(window.tab))
    eventually(lambda: counted("impression"))

    time.sleep(1.1)  # a click within a second of its impression does not count
    title = window.texts(".ads li:has(.sponsored) .title")[0]
    window.press(".ads li:has(.sponsored) a")
    assert window.path.startswith("/item/")
    assert window.texts("h1")[0].startswith(title.removesuffix("…"))
    eventually(lambda: counted("click") == 1)

"""What a visitor sees of the shop while its database or its ads are down."""

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median

from tests.e2e.admin import Admin
from tests.e2e.services import Postgres, Service, eventually
from tests.e2e.storefront.accessibility import barriers
from tests.e2e.storefront.conftest import AD_DEADLINE
from tests.e2e.storefront.window import Window

Outage = Callable[[], AbstractContextManager[None]]
LINES = "main .quiet[data-source]"
READ = "h1, #found .title, .shelf .title, #reviews h3"


def test_what_was_seen_stays_and_the_rest_has_a_stand_in(window: Window, popular: list[str], outage: Outage) -> None:
    def lines() -> list[str]:
        return [line for line in window.texts(LINES) if line]  # some are folded away

    asin, unseen = popular[0], popular[50]
    window.open(f"/item/{popular[1]}")
    window.open(f"/item/{asin}")
    window.press(".product button", "Add to cart")
    paths = [f"/item/{asin}", "/search?q=pen&sort=price", "/search?q=pen", "/", "/cart"]
    live = {}
    for path in paths:
        window.open(path)
        live[path] = window.texts(READ)
        assert lines() == []
    with outage():
        for path in paths:
            window.open(path)
            assert window.texts(READ) == live[path]
            assert lines()
            assert [line for line in lines() if "as of" not in line] == []
        window.fill(".cart [name=quantity]", "4")
        window.press(".cart button", "Change")
        assert window.texts("header .count") == ["4"]

        window.open("/")
        assert window.texts("[aria-label='Recently seen'] .title")[:1] == live[f"/item/{asin}"][:1]
        window.open(f"/item/{popular[1]}")
        window.open("/")  # now for a history that nothing was recommended for
        assert window.texts("[aria-label='Recently seen'] .title")[1:2] == live[f"/item/{asin}"][:1]
        assert window.texts(".shelf h2").count("Popular products") == 1
        window.fill("[name=q]", "pen")
        window.press(".search button")
        window.press("#found .card")  # which nobody looked at
        assert "Try again in a minute." in lines()
        assert window.texts(".shelf .title")
        assert window.texts(".product button") == []
        window.open("/search?q=lamp")
        assert lines()[0] == "Products are not available now."
        assert window.texts(".shelf .title")
        window.open(f"/item/{unseen}")
        assert "Try again in a minute." in lines()


def test_a_review_outlasts_an_outage(
    window: Window, admin: Admin, popular: list[str], outage: Outage, postgres: Postgres
) -> None:
    asin = popular[10 if window.has_scripts else 11]
    window.open(f"/accounts/login/?next=/item/{asin}")
    window.sign_in(admin.password)
    window.choose("[name=overall]", "4, good")
    window.fill("[name=summary]", "Kept")
    window.fill("[name=review_text]", "A text that took an hour.\nAnd a second line.")
    with outage():
        window.press("#write button", "Post review", status=503)
        assert "Nothing was changed." in window.text("#write [role=alert]")
        assert window.is_in_view("#write [role=alert]")
        assert window.find("[name=overall]").get_property("value") == "4"
        assert window.find("[name=summary]").get_property("value") == "Kept"
        text = str(window.find("[name=review_text]").get_property("value"))
        assert text == "A text that took an hour.\nAnd a second line."
        if window.has_scripts:
            assert barriers(window) == []
        window.press("#write button", "Post review", status=503)
    window.press("#write button", "Post review")
    window.sees("Thank you.", ".message")
    stored = postgres.ask(f"SELECT overall, summary FROM catalog_review WHERE asin = '{asin}' AND summary = 'Kept'")
    assert stored == [(4, "Kept")]


def test_pages_are_in_time_while_the_ad_provider_hangs(
    window: Window, popular: list[str], ad_provider: Service, recommender: Service
) -> None:
    def seconds() -> float:
        began = time.monotonic()
        window.tab.get(f"{window.url}/item/{popular[0]}")
        return time.monotonic() - began

    usual = median([seconds() for _ in range(3)])
    ad_provider.signal(signal.SIGSTOP)
    try:
        assert seconds() < AD_DEADLINE + 5 * usual
        assert window.texts(".ads h2") == ["From our shop"]
        assert window.texts(".ads .title")
        assert window.texts(".sponsored") == []
        assert min(seconds(), seconds()) < 5 * usual
        for path in ("/", "/search?q=pen"):
            window.open(path)
            assert window.texts(".ads h2") == ["From our shop"]
            assert window.texts(LINES) == []
    finally:
        ad_provider.signal(signal.SIGCONT)
    eventually(lambda: recommender.get("/ads").headers["X-Data-Source"] == "live")


def test_the_strip_breaks_a_dependency_and_counts_down(
    window: Window, popular: list[str], recommender: Service
) -> None:
    page = f"/item/{popular[0]}?sort=newest"
    window.open(page)
    window.press(".strip button", "Fail the ad provider")
    assert window.path == f"{page}#strip"
    assert window.texts(".ads h2") == ["From our shop"]
    assert window.texts(LINES) == []
    window.sees("next probe in 4 s", ".strip")
    if window.has_scripts:
        window.sees("next probe in 2 s", ".strip")
        window.sees("to be probed (half-open)", ".strip")
    window.press(".strip button", "Fail the database")
    assert window.path == f"{page}#strip"
    assert any("as of" in line for line in window.texts(LINES))
    window.sees("down (open)", ".strip")
    eventually(lambda: recommender.get("/ads").headers["X-Data-Source"] == "live")
    eventually(lambda: recommender.get("/products").headers["X-Data-Source"] == "live", seconds=60)
    window.open(page)
    assert window.texts(LINES) == []
    assert window.texts(".strip strong") == ["● up (closed)"] * 2

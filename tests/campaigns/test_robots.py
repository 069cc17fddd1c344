"""Clicks of people are billed, those of machines are not. Public lists of user agents are the test data."""

import json
from importlib import resources

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from campaigns.robots import LONGEST, is_robot

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    "user_agent",
    [
        f"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 11; CUBOT) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 7.0; LOGICOM Le Hop Build/NRD90M) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 5.1; L-EMENTTAB 1042 Build/LMY47I; LOGICOM) {CHROME}",
        "okhttp/4.12.0",
        "ShopApp/3.1 (Android 14) okhttp/5.0.0",
        "Shop/12 CFNetwork/1404.0.5 Darwin/22.3.0",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80; U; en) Presto/2.5.25 Version/10.54",
        "Amazon CloudFront",
        f"{IPHONE} Version/17.4 Mobile/15E148 Safari/604.1",
        f"{IPHONE} Mobile/15E148 Instagram 312.0.0.28.109",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ],
)
def test_people_are_billed(user_agent: str) -> None:
    assert not is_robot(user_agent)


@pytest.mark.parametrize(
    "user_agent",
    [
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {CHROME} (compatible; GoogleOther)",
        "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
        f"Mozilla/5.0 (Linux; Android 11; moto g power (2022)) {CHROME} Chrome-Lighthouse",
        f"Mozilla/5.0 (Linux; Android 7.0; SM-G930V) {CHROME} (compatible; Google-Read-Aloud)",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
        "Mozilla/5.0 (compatible; NobodysBot/1.0)",  # on no list
        "price-watch/1.0 (+https://prices.example)",
        "python-requests/2.32.3",
        "curl/8.5.0",
        "",
        "  ",
    ],
)
def test_robots_are_not_billed(user_agent: str) -> None:
    assert is_robot(user_agent)


def test_all_robots_of_a_public_list_are_robots() -> None:
    """crawler-user-agents' own examples."""
    robots = {example for entry in CRAWLER_USER_AGENTS_DATA for example in entry["instances"]}
    missed = {each for each in robots if not is_robot(each)}
    assert len(robots) > 2000
    assert {each for each in missed if not each.startswith(("okhttp", "Amazon CloudFront"))} == set()


def test_no_browser_of_a_public_list_is_a_robot() -> None:
    """fake-useragent's browsers, as websites have seen them."""
    lines = resources.files("fake_useragent.data").joinpath("browsers.jsonl").read_text().splitlines()
    people = {json.loads(line)["useragent"] for line in lines}
    assert len(people) > 800
    assert [each for each in people if is_robot(each)] == []


def test_only_the_start_of_a_long_user_agent_is_examined() -> None:
    assert is_robot("Googlebot/2.1 " + "x" * 8000)
    assert not is_robot("x" * LONGEST + " Googlebot/2.1")

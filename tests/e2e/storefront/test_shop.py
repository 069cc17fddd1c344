"""A visitor searches, reads, reviews and fills a cart in a browser, on a telephone, at a desk, and without scripts."""

import re

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.admin import Admin
from tests.e2e.services import eventually
from tests.e2e.storefront.window import Window

all_windows = pytest.mark.parametrize("window", ["telephone", "desk", "desk without scripts"], indirect=True)
# Gives each product a picture that is three times as high as wide. Returns those that are cut off.
TALL = """
const tall = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='100' height='300'/>";
const pictures = [...document.querySelectorAll(".picture img")];
for (const picture of pictures) Object.assign(picture, { loading: "eager", src: tall });
return Promise.all(pictures.map(picture => picture.decode())).then(() => pictures
  .filter(picture => picture.clientHeight > picture.parentElement.clientHeight + 1)
  .map(picture => picture.outerHTML));
"""
CARDS = "#found .card .title"


def prices(window: Window) -> list[float]:
    return [float(text.split()[0]) for text in window.texts("#found .card .price")]


@all_windows
def test_a_visitor_searches_narrows_down_and_sorts(window: Window) -> None:
    window.open("/")
    field = window.find("[name=q]")
    field.send_keys("pen")
    if window.has_scripts:
        suggested = eventually(lambda: window.texts("#suggestions a"))
        assert 1 <= len(suggested) <= 6
        assert all("Pen" in title for title in suggested)
    field.send_keys(Keys.ENTER)
    window.sees("Products for “pen”")
    window.looks_right()
    all_found = window.texts(CARDS)

    if window.screen == "telephone":
        window.unfold(".facets summary")
    name, count = window.texts(".facets li")[0].split("\n")
    window.press(".facets a", name)
    window.sees(f"{count} product")
    assert len(window.texts(CARDS)) == int(count) < len(all_found)

    window.choose("[name=sort]", "Lowest price")
    window.press("#found .sort button")
    assert prices(window) == sorted(prices(window))
    assert len(prices(window)) == int(count)
    window.press(".chips a", name)
    assert sorted(window.texts(CARDS)) == sorted(all_found)


def test_a_search_has_pages(window: Window) -> None:
    window.open("/search?q=")
    first = window.texts(CARDS)
    window.press("#found a", "Next page")
    assert first
    assert not set(first) & set(window.texts(CARDS))
    window.press("#found a", "First page")
    assert window.texts(CARDS) == first


@pytest.mark.parametrize("window", ["telephone"], indirect=True)
def test_a_suggestion_leads_to_its_product(window: Window) -> None:
    window.open("/")
    window.find("[name=q]").send_keys("stapler")
    title = eventually(lambda: window.texts("#suggestions a"))[0]
    window.press("#suggestions a")
    assert window.text("h1").startswith(title.removesuffix("…"))


def test_a_customer_writes_changes_and_deletes_a_review(window: Window, admin: Admin, popular: list[str]) -> None:
    window.open(f"/item/{popular[0]}")
    window.press("#write a", "Sign in")
    window.sign_in(admin.password)
    assert window.path == f"/item/{popular[0]}#write"
    window.choose("[name=overall]", "5, excellent")
    window.fill("[name=summary]", "Works <b>well</b>")
    window.fill("[name=review_text]", "It prints.\n\nTwice.")
    window.press("#write button", "Post review")
    window.sees("Thank you.", ".message")

    window.open(f"/item/{popular[0]}?sort=newest")
    assert window.texts("#reviews h3")[0] == "Works <b>well</b>"
    window.fill("[name=summary]", "Stopped after a week")
    window.choose("[name=overall]", "2, poor")
    window.press("#write button", "Save")
    window.sees("Thank you.", ".message")
    window.open(f"/item/{popular[0]}?sort=newest")
    assert window.texts("#reviews h3")[0] == "Stopped after a week"
    assert window.find("#reviews li .stars").get_attribute("aria-label") == "2 of 5 stars"

    window.unfold("#write summary", "Delete your review")
    window.press("#write button", "Delete it for good")
    window.sees("Your review is deleted.", ".message")
    assert window.is_in_view(".message")
    assert "Stopped after a week" not in window.text()
    assert window.texts("#write h2") == ["Write a review"]


def test_a_customer_finds_a_review_helpful_once(window: Window, admin: Admin, popular: list[str]) -> None:
    # Each window is that of the same customer.
    asin = popular[1 if window.has_scripts else 2]
    window.open(f"/accounts/login/?next=/item/{asin}?sort=newest")
    window.sign_in(admin.password)
    window.press("#reviews button", "Helpful")
    window.sees("Your vote is counted.", ".message")
    window.open(f"/item/{asin}?sort=newest")
    assert re.match(r"(\d+) of \1 |\d+ of \d+ found this helpful", window.text("#reviews .vote"))
    window.press("#reviews button", "Helpful")
    window.sees("You have voted for this review already.", ".message")
    window.press("header button", "Sign out")
    window.sees("Sign in", "header nav")


@all_windows
def test_reviews_are_sorted_and_turned_in_place(window: Window, popular: list[str]) -> None:
    window.open(f"/item/{popular[0]}")
    window.run("window.before = 'still here'")
    helpful = window.texts("#reviews h3")
    window.choose("#reviews [name=sort]", "Worst rating")
    if not window.has_scripts:
        window.press("#reviews .sort button")
    eventually(lambda: window.texts("#reviews h3") != helpful)
    worst = window.texts("#reviews h3")
    assert window.find("#reviews li .stars").get_attribute("aria-label") == "1 of 5 stars"
    window.press("#reviews .paging a", "Next page")
    eventually(lambda: window.texts("#reviews h3") != worst)
    assert "First page" in window.text("#reviews .paging")
    assert window.run("return window.before ?? null") == ("still here" if window.has_scripts else None)


def test_a_cart_is_filled_changed_and_emptied(window: Window, popular: list[str]) -> None:
    window.open(f"/item/{popular[0]}")
    (price,) = window.texts(".product .price")
    window.fill(".product [name=quantity]", "2")
    window.press(".product button", "Add to cart")
    assert window.path == "/cart"
    assert window.texts("header .count") == ["2"]
    window.fill(".cart [name=quantity]", "3")
    window.press(".cart button", "Change")
    assert window.texts("header .count") == ["3"]
    assert window.texts(".total strong") == [f"{3 * float(price.split()[0]):.2f} USD"]
    window.press(".cart button", "Remove")
    window.sees("It is empty.")
    assert window.texts("header .count") == []


def test_products_that_were_seen_are_on_the_home_page(window: Window, popular: list[str]) -> None:
    seen = []
    for asin in popular[:3]:
        window.open(f"/item/{asin}")
        seen += window.texts("h1")
    window.open("/")
    assert window.texts("[aria-label='Recently seen'] .title") == seen[::-1]


@pytest.mark.parametrize("window", ["telephone", "desk"], indirect=True)
def test_a_tall_picture_is_shown_whole(window: Window, popular: list[str]) -> None:
    window.open(f"/item/{popular[0]}")
    assert window.run(TALL) == []

"""Every page of the shop can be used without sight, mouse or bright light, also during an outage."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.e2e.admin import Admin
from tests.e2e.services import eventually
from tests.e2e.storefront.accessibility import barriers
from tests.e2e.storefront.window import Window


@pytest.mark.parametrize("window", ["telephone", "desk"], indirect=True)
def test_no_page_has_a_barrier(
    window: Window, admin: Admin, popular: list[str], outage: Callable[[], AbstractContextManager[None]]
) -> None:
    product = f"/item/{popular[0]}"
    window.open(f"/accounts/login/?next={product}")
    assert barriers(window) == []
    window.sign_in(admin.password)
    window.press(".product button", "Add to cart")
    pages = {"product": product, "home": "/", "search": "/search?q=pen&in_stock=true", "cart": "/cart"}
    for name, path in pages.items():
        window.open(path)
        window.keep_picture(f"{name}-live")
        assert barriers(window) == []
    window.open("/item/missing", status=404)
    assert barriers(window) == []
    window.open("/search?min_price=x", status=400)
    assert barriers(window) == []
    window.open(f"{product}?sort=x", status=400)
    assert barriers(window) == []
    window.find("[name=q]").send_keys("pen")
    eventually(lambda: window.texts("#suggestions a"))
    window.keep_picture("suggestions-live")
    assert barriers(window) == []

    with outage():
        unknown = {"unknown-product": f"/item/{popular[90]}", "unknown-search": "/search?q=lamp"}
        for name, path in (pages | unknown).items():
            window.open(path)
            window.keep_picture(f"{name}-outage")
            assert barriers(window) == []

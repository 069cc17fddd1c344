"""Settings of the ad provider from the environment."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ad_provider_site.settings import is_product_url
from catalog.rules import MAX_ASIN

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a new process."""
    code = "from ad_provider_site import settings; print(settings.PRODUCT_URL, settings.CURRENCY)"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


def test_an_ad_leads_to_the_recommenders_page_by_default() -> None:
    assert start(RECOMMENDER_PUBLIC_URL="https://api.example/").stdout == "https://api.example/item/{asin} USD\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/p/{asin}",
        "http://localhost:3000/?id={asin}&utm=ad",
        "https://shop.example/#/{asin}",
        "https://shop.example/" + "x" * (1978 - MAX_ASIN) + "/{asin}",
    ],
)
def test_an_ad_may_lead_to_the_shops_own_page(url: str) -> None:
    assert start(PRODUCT_URL=url, CURRENCY="EUR").stdout == f"{url} EUR\n"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://shop.example/p/",
        "https://shop.example/p/{ASIN}",
        "https://shop.example/{slug}/{asin}",
        "https://{asin}.example/p",
        "https://shop.example{asin}",
        "https://shop.example:port/p/{asin}",
        "https://shop.example/a b/{asin}",
        "https://shop.example/p/{asin}\n",
        "javascript:alert('{asin}')",
        "https://user:password@shop.example/{asin}",
        "https://shop.example\\@other.example/{asin}",
        "/p/{asin}",
        "https://shop.example/" + "x" * 5000 + "/{asin}",
        "https://shop.example/" + "{asin}" * 8,  # each of which may be long
    ],
)
def test_an_invalid_product_url_is_recognised(url: str) -> None:
    with contextlib.suppress(ValueError):  # which the settings take for the same
        assert not is_product_url(url)


def test_an_invalid_product_url_stops_the_start_with_one_line() -> None:
    done = start(PRODUCT_URL="https://shop.example:port/p/{asin}")
    assert done.returncode == 1
    expected = (
        "an http(s) URL of at most 2000 characters with {asin} behind its host, such as https://shop.example/p/{asin}"
    )
    assert done.stderr == f"PRODUCT_URL: must be {expected}\n"


@pytest.mark.parametrize("currency", ["usd", "dollars", "€", "XXX", ""])
def test_an_unknown_currency_stops_the_start_with_one_line(currency: str) -> None:
    done = start(CURRENCY=currency)
    assert done.returncode == 1
    assert done.stderr == "CURRENCY: must be the ISO 4217 code of a currency, such as USD, EUR or JPY\n"


@pytest.mark.parametrize("folder", ["", "/proc/nowhere", "/proc", "/etc/hostname", "/dev/null"])
def test_an_unwritable_spool_folder_stops_the_start_with_one_line(folder: str) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ad_provider_site.settings", "ADS_SPOOL_DIR": folder}
    command = [sys.executable, "-m", "gunicorn", "--check-config", "ad_provider_site.wsgi"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "ADS_SPOOL_DIR: must be a writable folder, or one that can be created\n"

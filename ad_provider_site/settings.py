"""The ad provider: what it has beyond the shared settings."""

import os
import re
from pathlib import Path
from tempfile import TemporaryFile

from iso4217 import Currency

from campaigns import datacentres
from catalog.rules import MAX_ASIN, MAX_URL
from config.base import *  # noqa: F403
from config.base import INSTALLED_APPS, SECURE_REDIRECT_EXEMPT, SPECTACULAR_SETTINGS
from config.environment import VAR_DIR, env, http_url, is_http_url, seconds, setting, whole_number


def is_writable_folder(folder: str) -> bool:
    """Whether files can be made in a folder, which is made if need be, and those that are there can be written. Raises
    OSError."""
    if not folder:  # which would be the one that the service is started in
        return False
    Path(folder).mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder) as file:
        file.write(b"x")
    return all(os.access(file, os.R_OK | os.W_OK) for file in Path(folder).iterdir() if file.is_file())


def is_product_url(template: str) -> bool:
    """No user and password before the host, which everybody would see. Raises ValueError for a port that is none."""
    if len(template.replace("{asin}", "x" * MAX_ASIN)) > MAX_URL:
        return False
    parts = re.fullmatch(r"(https?://[^\s{}/?#@\\]+)/([^\s{}]*\{asin\})+[^\s{}]*", template)
    return parts is not None and is_http_url(parts[1])


ROOT_URLCONF = "ad_provider_site.urls"
WSGI_APPLICATION = "ad_provider_site.wsgi.application"
# Campaigns first: of two commands named alike, remove_demo, it is theirs.
INSTALLED_APPS = ["ad_provider_site", "campaigns", *INSTALLED_APPS]
# The recommender asks from inside too, past the proxy.
SECURE_REDIRECT_EXEMPT = [*SECURE_REDIRECT_EXEMPT, r"^ads/?$"]
# A campaign's page has fields for each of its ads. The size of a body is bounded besides.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
# Where browsers find both services: the one counts what becomes of an ad, the other has the product's page.
AD_PROVIDER_PUBLIC_URL = http_url("AD_PROVIDER_PUBLIC_URL", "http://localhost:8001")
RECOMMENDER_PUBLIC_URL = http_url("RECOMMENDER_PUBLIC_URL", "http://localhost:8000")
# Where an ad leads: the shop's own page of a product, or the recommender's.
PRODUCT_URL = setting(
    "PRODUCT_URL",
    env.str,
    f"{RECOMMENDER_PUBLIC_URL}/products/{{asin}}",
    is_product_url,
    f"an http(s) URL of at most {MAX_URL} characters with {{asin}} behind its host, such as https://shop.example/p/{{asin}}",
)
# All money is in this one; its decimals are those of ISO 4217.
CURRENCY = setting(
    "CURRENCY",
    env.str,
    "USD",
    lambda code: Currency(code).exponent is not None,
    "the ISO 4217 code of a currency, such as USD, EUR or JPY",
)
ADS_SNAPSHOT_SECONDS = seconds("ADS_SNAPSHOT_SECONDS", 3)
ADS_URL_SECONDS = seconds("ADS_URL_SECONDS", 3600)
# Of all campaigns together. A household or an office shares an address, and so do some hundred phones of a mobile
# network: a hundred is what the clicks of several thousand page views usually come to.
ADS_ADDRESS_CLICKS = whole_number("ADS_ADDRESS_CLICKS", 100)
# Clicks and impressions from these networks do not count.
ADS_DATACENTRES = setting(
    "ADS_DATACENTRES",
    lambda name, default: datacentres.read(env.str(name, default=default)),
    "",
    lambda networks: True,
    "a file with one network a line, such as 192.0.2.0/24",
)
ADS_SPOOL_DIR = setting(
    "ADS_SPOOL_DIR",
    env.str,
    str(VAR_DIR / "ads-spool"),
    is_writable_folder,
    "a folder that is there or can be made, and where files can be written",
)
# Cookies do not know ports: on one host the two services would sign each other's users out.
SESSION_COOKIE_NAME = "ad_provider_sessionid"
CSRF_COOKIE_NAME = "ad_provider_csrftoken"
SPECTACULAR_SETTINGS = {
    **SPECTACULAR_SETTINGS,
    "TITLE": "Ad provider",
    "DESCRIPTION": "Chooses sponsored products for a page of the shop.",
}

"""Settings of the ad provider, in addition to the shared ones."""

import re

from campaigns import datacentres
from catalog.rules import MAX_ASIN, MAX_URL
from config.base import *  # noqa: F403
from config.base import INSTALLED_APPS, RECOMMENDER_PUBLIC_URL, SECURE_REDIRECT_EXEMPT, SPECTACULAR_SETTINGS
from config.environment import VAR_DIR, env, http_url, is_http_url, seconds, setting, whole_number


def is_product_url(template: str) -> bool:
    """Return whether this is a URL without user and password, which everybody would see. Raises ValueError for an
    invalid port."""
    if len(template.replace("{asin}", "x" * MAX_ASIN)) > MAX_URL:
        return False
    parts = re.fullmatch(r"(https?://[^\s{}/?#@\\]+)/([^\s{}]*\{asin\})+[^\s{}]*", template)
    return parts is not None and is_http_url(parts[1])


ROOT_URLCONF = "ad_provider_site.urls"
WSGI_APPLICATION = "ad_provider_site.wsgi.application"
# campaigns comes first, because catalog has a command remove_demo too.
INSTALLED_APPS = ["ad_provider_site", "campaigns", *INSTALLED_APPS]
# The recommender calls /ads without TLS, bypassing the proxy.
SECURE_REDIRECT_EXEMPT = [*SECURE_REDIRECT_EXEMPT, r"^ads/?$"]
# A campaign's form has fields for each of its ads. The size of a body is limited anyway.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
# Browsers load an ad's URLs from here.
AD_PROVIDER_PUBLIC_URL = http_url("AD_PROVIDER_PUBLIC_URL", "http://localhost:8001")
# Where an ad leads: the shop's page of the product.
PRODUCT_URL = setting(
    "PRODUCT_URL",
    env.str,
    f"{RECOMMENDER_PUBLIC_URL}/item/{{asin}}",
    is_product_url,
    f"an http(s) URL of at most {MAX_URL} characters with {{asin}} behind its host, such as https://shop.example/p/{{asin}}",
)
ADS_SNAPSHOT_SECONDS = seconds("ADS_SNAPSHOT_SECONDS", 3)
ADS_URL_SECONDS = seconds("ADS_URL_SECONDS", 3600)
# Of all campaigns together. Households, offices and hundreds of phones of a mobile network share an address; several
# thousand page views usually lead to a hundred clicks.
ADS_ADDRESS_CLICKS = whole_number("ADS_ADDRESS_CLICKS", 100)
# Clicks and impressions from these networks do not count.
ADS_DATACENTRES = setting(
    "ADS_DATACENTRES",
    lambda name, default: datacentres.read(env.str(name, default=default)),
    "",
    lambda networks: True,
    "a file with one network a line, such as 192.0.2.0/24",
)
# Only a process that serves uses this folder; wsgi.py checks it, so commands run where nothing can be written.
ADS_SPOOL_DIR = env.str("ADS_SPOOL_DIR", str(VAR_DIR / "ads-spool"))
# Cookies ignore ports: on one host the two services would overwrite each other's.
SESSION_COOKIE_NAME = "ad_provider_sessionid"
CSRF_COOKIE_NAME = "ad_provider_csrftoken"
SPECTACULAR_SETTINGS = {
    **SPECTACULAR_SETTINGS,
    "TITLE": "Ad provider",
    "DESCRIPTION": "Chooses sponsored products for a page of the shop.",
}

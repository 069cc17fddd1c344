"""The ad provider: what it has beyond the shared settings."""

from base_settings import *  # noqa: F403
from base_settings import INSTALLED_APPS, SECURE_REDIRECT_EXEMPT, SPECTACULAR_SETTINGS

ROOT_URLCONF = "ad_provider_site.urls"
WSGI_APPLICATION = "ad_provider_site.wsgi.application"
INSTALLED_APPS = ["ad_provider_site", *INSTALLED_APPS, "campaigns"]
# The recommender asks from inside too, past the proxy.
SECURE_REDIRECT_EXEMPT = [*SECURE_REDIRECT_EXEMPT, r"^ads/?$"]
# Cookies do not know ports: on one host the two services would sign each other's users out.
SESSION_COOKIE_NAME = "ad_provider_sessionid"
CSRF_COOKIE_NAME = "ad_provider_csrftoken"
SPECTACULAR_SETTINGS = {
    **SPECTACULAR_SETTINGS,
    "TITLE": "Ad provider",
    "DESCRIPTION": "Chooses sponsored products for a page of the shop.",
}

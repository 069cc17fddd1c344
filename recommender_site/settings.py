"""The recommender's own settings, beside the shared ones."""

from dataclasses import fields

from config.base import *  # noqa: F403
from config.base import BREAKERS, HALF_OF_THREADS, INSTALLED_APPS, SPECTACULAR_SETTINGS
from config.environment import http_url, number_like, seconds, whole_number
from recommendations import weights
from recommendations.weights import Weights

ROOT_URLCONF = "recommender_site.urls"
WSGI_APPLICATION = "recommender_site.wsgi.application"
INSTALLED_APPS = ["recommender_site", "storefront", "django_htmx", *INSTALLED_APPS, "recommendations"]
CSRF_FAILURE_VIEW = "storefront.reviews.csrf_failure"
STOREFRONT_ADS = "recommender_site.ad_client.get_ads"

AD_PROVIDER_URL = http_url("AD_PROVIDER_URL", "http://127.0.0.1:8001")
# The address for browsers, which differs from the internal one in a container network.
AD_PROVIDER_PUBLIC_URL = http_url("AD_PROVIDER_PUBLIC_URL", "http://localhost:8001")
BREAKERS = {
    **BREAKERS,
    "ad-provider": {
        "url": AD_PROVIDER_URL,
        "check": "recommender_site.ad_client.check",
        "fail_max": whole_number("AD_FAIL_MAX", 1),
        "reset_timeout": seconds("AD_RESET_TIMEOUT", 10),
        "deadline": seconds("AD_DEADLINE", 0.5),
        "max_concurrent": whole_number("AD_MAX_CONCURRENT", HALF_OF_THREADS),
    },
}
SPECTACULAR_SETTINGS = {
    **SPECTACULAR_SETTINGS,
    "TITLE": "Recommender",
    "DESCRIPTION": "Products, reviews and ads that keep answering when the database or the ad provider is down.",
}
# One variable for each weight, such as RECOMMEND_TEXT.
RECOMMENDATION_WEIGHTS = Weights(
    **{
        each.name: number_like(
            each.default,
            f"RECOMMEND_{each.name.upper()}",
            may_be_zero=each.name in weights.MAY_BE_ZERO,
            most=1 if each.name in weights.AT_MOST_ONE else 1000,
        )
        for each in fields(Weights)
    }
)

"""The settings that both projects share. The modules beside this one have those of one topic each."""

from iso4217 import Currency

from config.api import *  # noqa: F403
from config.database import *  # noqa: F403
from config.environment import env, http_url, setting, switch
from config.logs import *  # noqa: F403
from config.observability import *  # noqa: F403
from config.security import *  # noqa: F403

SABOTAGE = switch("SABOTAGE")
# Where browsers find the recommender: the pictures of the demo shop, and where an ad leads by default.
RECOMMENDER_PUBLIC_URL = http_url("RECOMMENDER_PUBLIC_URL", "http://localhost:8000")
# The currency of all prices and amounts.
CURRENCY = setting(
    "CURRENCY",
    env.str,
    "USD",
    lambda code: Currency(code).exponent is not None,
    "the ISO 4217 code of a currency, such as USD, EUR or JPY",
)
# New reviews wait until somebody of the staff publishes them.
REVIEWS_WAIT = switch("REVIEWS_WAIT")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "service",  # before DRF, whose templates it overrides
    "rest_framework",
    "rest_framework.authtoken",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "catalog",
]

MIDDLEWARE = [
    "resilience.middleware.ResilienceMiddleware",  # first: every response has an id
    "service.middleware.MetricsMiddleware",  # before whatever answers: every response is counted
    "service.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "service.caching.CacheMiddleware",  # after WhiteNoise, which does the same for static files
    "corsheaders.middleware.CorsMiddleware",  # before IntakeMiddleware: a front end can read refusals
    "service.middleware.IntakeMiddleware",  # before CommonMiddleware, which checks the Host header
    "resilience.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.SignInMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
# Static files are served from the packages, so a clone needs no build step.
WHITENOISE_USE_FINDERS = True

# Saves a session again if its connection was cut.
SESSION_ENGINE = "accounts.sessions"
AUTHENTICATION_BACKENDS = ["accounts.backends.GuardedModelBackend"]
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
LOGIN_URL = "rest_framework:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

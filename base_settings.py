"""What both projects share. Every value comes from the environment; one that cannot be used ends the start with a
single line naming the variable. Imported by the two settings modules and by nothing else."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
import psycopg2
from corsheaders.defaults import default_headers
from psycopg2.extensions import make_dsn

BASE_DIR = Path(__file__).resolve().parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
# `make run` keeps its SECRET_KEY here, so that commands typed beside it find it too. The environment wins.
if (VAR_DIR / "local.env").is_file():
    env.read_env(VAR_DIR / "local.env")


def setting(name: str, parse: Callable[..., Any], default: Any, valid: Callable[[Any], bool], expected: str) -> Any:
    """The variable ``name`` parsed, or ``default``. The value itself is not echoed: it may hold a password."""
    try:
        with warnings.catch_warnings(action="ignore"):  # our own line says it all
            value = parse(name, default=default)
        usable = valid(value)
    except (ValueError, TypeError, KeyError, OSError, environ.ImproperlyConfigured, psycopg2.Error):
        usable = False
    if not usable:
        raise SystemExit(f"{name}: must be {expected}")
    return value


def switch(name: str) -> bool:
    words = {"": False, "0": False, "off": False, "false": False, "no": False}
    words |= {"1": True, "on": True, "true": True, "yes": True}
    expected = "one of on, off, true, false, yes, no, 1, 0"
    return words[setting(name, env.str, "", lambda word: word.lower() in words, expected).lower()]


def whole_number(name: str, default: int) -> int:
    number: int = setting(name, env.int, default, lambda n: 1 <= n <= 1000, "a whole number from 1 to 1000")
    return number


def seconds(name: str, default: float) -> float:
    # Not env.float: that drops letters, so that "1e9" would be 19 and "5 minutes" 5.
    def parse(name: str, default: float) -> float:
        return float(env.str(name, default=str(default)))

    number: float = setting(name, parse, default, lambda s: 0 < s <= 86400, "seconds, above 0 and at most 86400")
    return number


def number_like(default: Any, name: str, *, may_be_zero: bool) -> Any:
    """A number of the default's type, at most 1000."""
    kind = type(default)

    def parse(name: str, default: Any) -> Any:
        return kind(env.str(name, default=str(default)))

    expected = f"a {'whole ' if kind is int else ''}number, {'0 or above' if may_be_zero else 'above 0'}, at most 1000"
    return setting(name, parse, default, lambda n: 0 <= n <= 1000 and (n or may_be_zero), expected)


def is_http_url(text: str) -> bool:
    """Raises ValueError for a port that is none."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0


def http_url(name: str, default: str) -> str:
    url: str = setting(name, env.str, default, is_http_url, "an http(s) URL")
    return url.rstrip("/")


def is_redis_url(text: str) -> bool:
    """Unset is fine. Raises ValueError for a port that is none."""
    parts = urlsplit(text)
    return (
        not text
        or (parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0)
        or (parts.scheme == "unix" and bool(parts.path))
    )


def origins(name: str, default: list[str]) -> list[str]:
    found: list[str] = setting(
        name,
        env.list,
        default,
        lambda each: all(is_http_url(o) and o.count("/") == 2 for o in each),
        "comma-separated origins such as https://shop.example",
    )
    return found


def ensure_parent(file: str) -> bool:
    """Make the folder of ``file``. Raises OSError."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    return True


def are_libpq_options(parsed: dict[str, Any]) -> bool:
    """Whether this is a PostgreSQL that can be asked for. Raises psycopg2.Error for an option that libpq has not."""
    make_dsn(**parsed.get("OPTIONS", {}))
    age = parsed.get("CONN_MAX_AGE", 0)
    return parsed["ENGINE"] == "django.db.backends.postgresql" and (age is None or isinstance(age, int | float))


def database(default: str) -> dict[str, Any]:
    sqlite = "django.db.backends.sqlite3"
    parsed: dict[str, Any] = setting(
        "DATABASE_URL",
        env.db_url,
        default,
        lambda d: d["NAME"] and ((d["ENGINE"] == sqlite and ensure_parent(d["NAME"])) or are_libpq_options(d)),
        "postgres://user:password@host:port/name with libpq's options, or sqlite:///path in a folder that can be made",
    )
    if parsed["ENGINE"] == sqlite:
        # Write-ahead logging lets readers go on while somebody writes; IMMEDIATE takes the write lock at the start,
        # where waiting for it works, instead of failing half way.
        parsed["OPTIONS"] = {
            "timeout": DB_DEADLINE,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
        return {**parsed, "ENGINE": "resilience.backends.sqlite3"}
    socket = unquote(urlsplit(env.str("DATABASE_URL")).netloc.rpartition("@")[2])
    if socket.startswith("/"):  # a folder, which a URL can only hold quoted
        parsed["HOST"], parsed["PORT"] = socket, ""
    parsed.setdefault("CONN_MAX_AGE", 600)
    # Between the statements of a cursor a transaction pooler may change the connection.
    parsed.setdefault("DISABLE_SERVER_SIDE_CURSORS", DB_POOLER == "transaction")
    return {**parsed, "ENGINE": "resilience.backends.postgresql"}


SECRET_KEY = setting(
    "SECRET_KEY",
    env.str,
    "",
    lambda key: len(key) >= 32,
    "set, to at least 32 random characters (`make run` makes one in var/local.env)",
)
# Keys of before a rotation: what they have signed still counts, until they are taken out.
SECRET_KEY_FALLBACKS = setting(
    "SECRET_KEY_FALLBACKS",
    lambda name, default: [key.strip() for key in env.list(name, default=default)],
    [],
    lambda keys: all(len(key) >= 32 for key in keys),
    "comma-separated keys of at least 32 characters each",
)
DEBUG = switch("DEBUG")
# Behind a TLS proxy: cookies only over https, plain requests redirected, and HSTS.
HTTPS = switch("HTTPS")
SABOTAGE = switch("SABOTAGE")
# So many of the last addresses in X-Forwarded-For were written by proxies of our own.
TRUSTED_PROXIES = setting("TRUSTED_PROXIES", env.int, 0, lambda n: 0 <= n <= 10, "a whole number from 0 to 10")
ALLOWED_HOSTS = setting(
    "ALLOWED_HOSTS",
    env.list,
    ["localhost", "127.0.0.1", "[::1]"],
    lambda hosts: hosts and all(hosts) and not any("/" in host for host in hosts),
    "comma-separated host names, such as shop.example",
)

# Shares the state of the breakers with other processes and hosts; without it each process decides for itself.
REDIS_URL = setting("REDIS_URL", env.str, "", is_redis_url, "redis://host:port/number, or rediss:// or unix://")
DB_DEADLINE = seconds("DB_DEADLINE", 2.0)
# Behind pgbouncer in transaction mode a session's settings would reach other clients.
DB_POOLER = setting("DB_POOLER", env.str, "off", lambda word: word in ("off", "transaction"), "off or transaction")
# No dependency may hold more than half of a worker's threads, so that there are always some to answer without it.
HALF_OF_THREADS = max(1, whole_number("THREADS", 8) // 2)
BREAKERS: dict[str, dict[str, Any]] = {
    "database": {
        "fail_max": whole_number("DB_FAIL_MAX", 1),
        "reset_timeout": seconds("DB_RESET_TIMEOUT", 20),
        "deadline": DB_DEADLINE,
        "max_concurrent": whole_number("DB_MAX_CONCURRENT", HALF_OF_THREADS),
    }
}
# What is older is no answer any more, and a default is more honest.
STALE_MAX_AGE = seconds("STALE_MAX_AGE", 86_400)
# ATOMIC_REQUESTS stays off: it would turn an outage into a 500 before any fallback could answer.
DATABASES = {"default": database(f"sqlite:///{VAR_DIR / 'shop.sqlite3'}")}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "service",  # before DRF, whose pages it puts the service's name on
    "rest_framework",
    "rest_framework.authtoken",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "catalog",
]

MIDDLEWARE = [
    "service.middleware.TelemetryMiddleware",  # first, so that every answer has an id and is counted
    "service.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # before what may refuse: a front end reads refusals too
    "service.middleware.IntakeMiddleware",  # before CommonMiddleware, which looks at the Host header
    "service.middleware.DependencyMiddleware",  # around the session, which asks the database
    "service.middleware.SavedSessionMiddleware",
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
# Served from where the packages keep them, so that no build step stands between a clone and a page.
WHITENOISE_USE_FINDERS = True

# Sessions and users are read through the database breaker.
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

CSRF_FAILURE_VIEW = "service.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# Health checks and scrapes come from inside, past the proxy.
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|metrics)/?$"]
# No inline scripts. Pictures of products come from anywhere; the admin, the browsable API and Swagger style inline.
SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:", "http:", "https:"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

CORS_ALLOWED_ORIGINS = origins("CORS_ALLOWED_ORIGINS", ["http://localhost:4200"])
CORS_EXPOSE_HEADERS = ["X-Data-Source", "Age", "Link", "Location", "Retry-After", "X-Request-ID"]
CORS_ALLOW_HEADERS = [*default_headers, "x-request-id"]
# A front end of these origins acts for whoever is signed in: its writes carry the CSRF token as those of our own pages.
CORS_ALLOW_CREDENTIALS = True
CSRF_TRUSTED_ORIGINS = CORS_ALLOWED_ORIGINS

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["service.json.OrjsonRenderer", "service.json.BrowsableRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "service.json.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "service.json.PlainNegotiation",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.GuardedTokenAuthentication",
        "accounts.authentication.GuardedSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "service.errors.exception_handler",
    "UNICODE_JSON": True,
    "ALLOWED_VERSIONS": ["1.0.0"],  # what else /schema is asked for would go into a header as it is
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "service.openapi.describe_request_id",
    ],
    # Forms are for the browsable pages.
    "PARSER_WHITELIST": ["service.json.BoundedJSONParser"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "service.logs.JSONFormatter"}},
    "filters": {"refusals": {"()": "service.logs.RefusalFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["refusals"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # It says that it tries again, before it finds that no time is left to.
        "urllib3": {"level": "ERROR"},
        "django.server": {"handlers": ["stderr"], "propagate": False},
        # A 4xx is the client's affair and counted in /metrics; a 5xx is logged.
        "django.request": {"level": "ERROR"},
        "django.security.csrf": {"level": "ERROR"},
    },
}

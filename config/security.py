"""Keys, hosts, cookies, TLS, and what a browser may do with our pages and from other origins."""

from corsheaders.defaults import default_headers

from config.environment import env, origins, setting, switch

SECRET_KEY = setting(
    "SECRET_KEY",
    env.str,
    "",
    lambda key: len(key) >= 32,
    "set, to at least 32 random characters (`make run` makes one in var/local.env)",
)
# Keys from before a rotation. What they signed stays valid until they are removed.
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
# The number of trusted proxies: the last entries of X-Forwarded-For that they wrote.
TRUSTED_PROXIES = setting("TRUSTED_PROXIES", env.int, 0, lambda n: 0 <= n <= 10, "a whole number from 0 to 10")
ALLOWED_HOSTS = setting(
    "ALLOWED_HOSTS",
    env.list,
    ["localhost", "127.0.0.1", "[::1]"],
    lambda hosts: hosts and all(hosts) and not any("/" in host for host in hosts),
    "comma-separated host names, such as shop.example",
)

CSRF_FAILURE_VIEW = "service.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# HSTS is for our own host. The owner of the domain decides on its other subdomains and on the preload list.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# Health checks and scrapes come from inside the network, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|metrics)/?$"]
# No inline scripts. Product pictures come from any host. The admin, the browsable API and Swagger use inline styles.
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

# The default is a front end under development. In production nobody's localhost acts for the signed-in user.
CORS_ALLOWED_ORIGINS = origins("CORS_ALLOWED_ORIGINS", [] if HTTPS else ["http://localhost:4200"])
CORS_EXPOSE_HEADERS = [
    *("X-Data-Source", "Age", "ETag", "Link", "Location", "Retry-After", "X-Request-ID"),
    *("X-Total-Count", "X-Total-Count-Estimated"),
    *("Date", "X-Cache"),  # the age of what the edge kept
]
CORS_ALLOW_HEADERS = [*default_headers, "if-none-match", "x-request-id"]
# A front end of these origins acts for the signed-in user. Its writes carry the CSRF token, as our own pages' do.
CORS_ALLOW_CREDENTIALS = True
CSRF_TRUSTED_ORIGINS = CORS_ALLOWED_ORIGINS

"""The database, its breaker, and Redis, through which processes share the state of breakers."""

from typing import Any
from urllib.parse import unquote, urlsplit

from psycopg2.extensions import make_dsn

from config.environment import VAR_DIR, ensure_parent, env, is_redis_url, seconds, setting, whole_number

# Shares the state of breakers with other processes and hosts. Without it each process decides for itself.
REDIS_URL = setting("REDIS_URL", env.str, "", is_redis_url, "redis://host:port/number, or rediss:// or unix://")
DB_DEADLINE = seconds("DB_DEADLINE", 2.0)
# In pgbouncer's transaction mode a session's settings would leak to other clients.
DB_POOLER = setting("DB_POOLER", env.str, "off", lambda word: word in ("off", "transaction"), "off or transaction")
# One dependency holds at most half of a worker's threads, so the others can answer without it.
HALF_OF_THREADS = max(1, whole_number("THREADS", 8) // 2)
BREAKERS: dict[str, dict[str, Any]] = {
    "database": {
        "database": "default",
        "fail_max": whole_number("DB_FAIL_MAX", 1),
        "reset_timeout": seconds("DB_RESET_TIMEOUT", 20),
        "deadline": DB_DEADLINE,
        "max_concurrent": whole_number("DB_MAX_CONCURRENT", HALF_OF_THREADS),
    }
}
BREAKER_LISTENERS = ["resilience.listeners.LoggingListener", "resilience.metrics.MetricsListener"]
BREAKER_OVERRIDE_PATHS = ["/accounts/", "/breakers/"]
BREAKER_UNAVAILABLE_VIEW = "service.errors.unavailable"


def are_libpq_options(parsed: dict[str, Any]) -> bool:
    """Whether libpq takes these options. Raises psycopg2.Error for an unknown option."""
    make_dsn(**parsed.get("OPTIONS", {}))
    age = parsed.get("CONN_MAX_AGE", 0)
    return parsed["ENGINE"] == "django.db.backends.postgresql" and (age is None or isinstance(age, int | float))


def database(name: str, default: str) -> dict[str, Any]:
    """The database whose URL is in the variable ``name``."""
    sqlite = "django.db.backends.sqlite3"
    parsed: dict[str, Any] = setting(
        name,
        env.db_url,
        default,
        lambda d: d["NAME"] and ((d["ENGINE"] == sqlite and ensure_parent(d["NAME"])) or are_libpq_options(d)),
        "postgres://user:password@host:port/name with libpq's options, or sqlite:///path in a folder that can be made",
    )
    if parsed["ENGINE"] == sqlite:
        # Write-ahead logging lets readers continue during a write. IMMEDIATE takes the write lock at the start of a
        # transaction, where SQLite waits for it; later it would fail.
        parsed["OPTIONS"] = {
            "timeout": DB_DEADLINE,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
        return {**parsed, "ENGINE": "resilience.backends.sqlite3"}
    socket = unquote(urlsplit(env.str(name)).netloc.rpartition("@")[2])
    if socket.startswith("/"):  # the folder of a socket, quoted in a URL
        parsed["HOST"], parsed["PORT"] = socket, ""
    parsed.setdefault("CONN_MAX_AGE", 600)
    # A transaction pooler may switch the server connection between two statements.
    parsed.setdefault("DISABLE_SERVER_SIDE_CURSORS", DB_POOLER == "transaction")
    return {**parsed, "ENGINE": "resilience.backends.postgresql"}


# An older answer is not served; a default is more honest.
STALE_MAX_AGE = seconds("STALE_MAX_AGE", 86_400)
# ATOMIC_REQUESTS stays off: it would turn an outage into a 500 before any fallback could answer.
DATABASES = {"default": database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'shop.sqlite3'}")}
# Answers reads while the default database is down: a replica, or the file of refresh_standby.
STANDBY_DATABASE = "standby" if env.str("STANDBY_URL", default="") else ""
if STANDBY_DATABASE:
    DATABASES[STANDBY_DATABASE] = database("STANDBY_URL", "")
    if DATABASES[STANDBY_DATABASE]["ENGINE"] == "resilience.backends.sqlite3":
        DATABASES[STANDBY_DATABASE]["OPTIONS"] = {"init_command": "PRAGMA query_only = ON"}
    BREAKERS[STANDBY_DATABASE] = {**BREAKERS["database"], "database": STANDBY_DATABASE}

"""Traces and error tracking. Both are off by default, and need the packages of requirements-observability.txt."""

from importlib.util import find_spec

from config.environment import env, is_http_url, setting


def _url(name: str, package: str) -> str:
    url: str = setting(name, env.str, "", lambda text: not text or is_http_url(text), "an http(s) URL, or empty")
    if url and not find_spec(package):
        raise SystemExit(f"{name}: needs packages: pip install -r requirements-observability.txt")
    return url.rstrip("/")


OTEL_EXPORTER_OTLP_ENDPOINT = _url("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry")
SENTRY_DSN = _url("SENTRY_DSN", "sentry_sdk")

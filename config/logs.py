"""One JSON line an event, on stderr."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "service.logs.JSONFormatter"}},
    "filters": {"refusals": {"()": "service.logs.RefusalFilter"}},
    "handlers": {"stderr": {"class": "service.logs.PatientHandler", "formatter": "json", "filters": ["refusals"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # It announces retries for which no time is left.
        "urllib3": {"level": "ERROR"},
        "django.server": {"handlers": ["stderr"], "propagate": False},
        # 4xx responses are counted in /metrics; 5xx responses are logged.
        "django.request": {"level": "ERROR"},
        "django.security.csrf": {"level": "ERROR"},
    },
}

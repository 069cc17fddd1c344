"""Log lines as JSON: time, level, logger, message, request id, and the caller's ``extra``."""

import json
import logging
from datetime import UTC, datetime

from resilience import request_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "server_time"}


class RefusalFilter(logging.Filter):
    """Logs a request that Django refused as a warning without a traceback: the fault is the client's."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        return True


class JSONFormatter(logging.Formatter):
    """One JSON object per line. A value without a JSON type becomes its text."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.current():
            line["request_id"] = current
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        try:
            return json.dumps(line, default=str, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):  # NaN, or a key that is not text: rare, so write every value as text
            return json.dumps({name: str(value) for name, value in line.items()}, ensure_ascii=False)

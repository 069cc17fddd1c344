"""Log lines as JSON: time, level, logger, message, request id, and the caller's ``extra``."""

import json
import logging
import queue
import threading
import time
from datetime import UTC, datetime

from resilience import request_id

MAX_WAITING = 1000  # lines
FLUSH_TIMEOUT = 1.0  # seconds, at the end of the process

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "server_time"}


class RefusalFilter(logging.Filter):
    """Logs a request that Django refused as a warning without a traceback: the fault is the client's.

    Drops Django's error for each 503: the breaker's line tells why, and rejected calls are counted.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and getattr(record, "status_code", None) == 503:
            return False
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


class PatientHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr. In a serving process a thread writes, so that no request waits for a log that nobody reads.

    If MAX_WAITING lines wait, it drops further ones and counts them.
    """

    _waiting: queue.Queue[str] | None = None
    _dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._waiting is None:
            super().emit(record)
            return
        try:
            self._waiting.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1
        except Exception:
            self.handleError(record)

    def write_in_thread(self) -> None:
        """Called once in each process that serves, after the fork."""
        self._waiting = queue.Queue(MAX_WAITING)
        threading.Thread(target=self._write, args=(self._waiting,), name="log", daemon=True).start()

    def _write(self, waiting: queue.Queue[str]) -> None:
        while True:
            lines = [waiting.get()]
            dropped, self._dropped = self._dropped, 0
            if dropped:
                text = "%d log lines were dropped, because nobody read them in time"
                lines.append(self.format(logging.LogRecord(__name__, logging.ERROR, "", 0, text, (dropped,), None)))
            try:
                self.stream.write("\n".join([*lines, ""]))
                self.stream.flush()
            except (OSError, ValueError):  # closed, or the disk is full
                pass
            waiting.task_done()

    def flush(self) -> None:
        """Wait until all lines are written, for at most FLUSH_TIMEOUT. ``logging`` calls this at the end."""
        if self._waiting is None:
            super().flush()
            return
        end = time.monotonic() + FLUSH_TIMEOUT
        while self._waiting.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.01)


def write_in_thread() -> None:
    """Have this process's log written in a thread."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PatientHandler):
            handler.write_in_thread()

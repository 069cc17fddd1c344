"""The listener that logs what happens to a breaker."""

import logging

from resilience.events import Listener, StateChange

logger = logging.getLogger("resilience.breaker")


class LoggingListener(Listener):
    """Logs one structured line for each state change, failure and override."""

    def state_change(self, change: StateChange) -> None:
        states = {"from_state": change.from_state, "to_state": change.to_state}
        logger.warning("breaker changed state", extra={"breaker": change.name, "event": "state_change", **states})

    def failure(self, name: str, error: BaseException) -> None:
        logger.warning("protected call failed", extra={"breaker": name, "event": "failure", **_described(error)})

    def call_failed(self, name: str, error: BaseException) -> None:
        logger.warning("call failed on its own", extra={"breaker": name, "event": "call_failed", **_described(error)})

    def rejection(self, name: str, retry_after: float) -> None:
        # An outage has many: MetricsListener counts them, and the log has them at DEBUG only.
        if logger.isEnabledFor(logging.DEBUG):
            wait = {"retry_after": round(retry_after, 1)}
            logger.debug("call rejected", extra={"breaker": name, "event": "rejection", **wait})

    def overridden(self, name: str, action: str, by: str) -> None:
        who = {"action": action, "by": by}
        logger.warning("breaker overridden", extra={"breaker": name, "event": "overridden", **who})


def _described(error: BaseException) -> dict[str, str]:
    return {"error": type(error).__name__, "cause": str(error).strip()}

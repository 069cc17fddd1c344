"""Which of several processes may probe."""


class ProbeLock:
    """Lets one process probe at a time. This base class is for a single process and always grants the lock."""

    def acquire(self) -> bool:
        """Return whether this process may probe now. May wait briefly; the caller holds no lock."""
        return True

    def release(self) -> None:
        """End the probe. Must not wait."""

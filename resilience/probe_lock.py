"""Which of several processes may probe."""


class ProbeLock:
    """Lets one process probe at a time. This one knows of no other process and is always free."""

    def acquire(self) -> bool:
        """Return whether this process may probe now. Called without holding a lock; may wait for a moment."""
        return True

    def release(self) -> None:
        """End the probe. Must not wait."""

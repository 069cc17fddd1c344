"""Which process makes a trial."""


class Turns:
    """Whose turn a trial is, beyond this process. On its own a process has every turn."""

    def enter(self) -> bool:
        """Whether the trial may be made now. Called outside of every lock; may wait for a moment."""
        return True

    def leave(self) -> None:
        """The trial is over. Must not wait."""

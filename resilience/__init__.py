"""Circuit breakers, deadlines and fallbacks for any Django project. README.md has an example."""

import sys

# pybreaker imports redis, if it is installed, for a storage that is not used here. Each start would take 0.2 s longer.
if "redis" not in sys.modules:
    sys.modules["redis"] = None  # type: ignore[assignment]  # an import of it fails
    import pybreaker  # noqa: F401

    del sys.modules["redis"]

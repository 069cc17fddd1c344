"""Checks the folder of the spool before a process serves."""

import os
from pathlib import Path
from tempfile import TemporaryFile

from django.conf import settings


def require() -> None:
    """End the start with one line if ADS_SPOOL_DIR is not writable and cannot be created."""
    try:
        usable = _is_writable(settings.ADS_SPOOL_DIR)
    except (OSError, ValueError):
        usable = False
    if not usable:
        raise SystemExit("ADS_SPOOL_DIR: must be a writable folder, or one that can be created")


def _is_writable(folder: str) -> bool:
    """Create the folder if there is none, and return whether it and its files are writable. Raises OSError."""
    if not folder:  # Path("") is the current folder
        return False
    Path(folder).mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder) as file:
        file.write(b"x")
    return all(os.access(file, os.R_OK | os.W_OK) for file in Path(folder).iterdir() if file.is_file())

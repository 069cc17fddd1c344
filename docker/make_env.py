"""Add the secrets that compose.yaml needs to .env in the current folder. Existing ones stay."""

import os
import re
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")


def main() -> None:
    os.umask(0o077)
    file = Path(".env")
    text = file.read_text() if file.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    for name in NAMES:
        if not re.search(rf"^\s*(export\s+)?{name}[ \t]*=[ \t]*\S", text, re.MULTILINE):
            text += f"{name}={secrets.token_urlsafe(48)}\n"
    file.write_text(text)


if __name__ == "__main__":
    main()

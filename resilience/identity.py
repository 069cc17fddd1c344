"""Names of dependencies that mean the same in every process.

They have no user and no password. The name of a server that only this host can reach starts with the host's name.
"""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def of_database(config: Mapping[str, Any]) -> str:
    """Return ``server:port/name`` for an entry of settings.DATABASES, or the path of a SQLite file."""
    if config["ENGINE"].endswith("sqlite3"):
        return f"{socket.gethostname()}:{Path(config['NAME']).resolve()}"
    options = config.get("OPTIONS") or {}
    host = config.get("HOST") or options.get("host") or ""
    port = config.get("PORT") or options.get("port") or 5432
    return _on_this_host(host) + f"{host}:{port}/{config['NAME']}"


def of_url(url: str) -> str:
    """Return ``scheme://host:port`` of an http(s) URL."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return _on_this_host(host) + f"{parts.scheme}://{shown}:{parts.port or _PORTS[parts.scheme]}"


def _on_this_host(hosts: str) -> str:
    # An empty host and a path are Unix sockets.
    is_local = any(host in ("", "localhost", "::1") or host.startswith(("/", "@", "127.")) for host in hosts.split(","))
    return f"{socket.gethostname()}:" if is_local else ""

"""Networks of datacentres, where nobody shops.

Their owners publish them, and they change every week. So the operator provides a file; no list is built in.
"""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import collapse_addresses, ip_network
from pathlib import Path


class Networks:
    """A set of IPv4 and IPv6 networks."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Raises ValueError for a text that is not a network."""
        self._ranges: dict[int, list[tuple[int, int]]] = {}
        networks = [ip_network(text, strict=False) for text in texts]
        for version in (4, 6):
            merged = collapse_addresses(each for each in networks if each.version == version)  # type: ignore[type-var]
            self._ranges[version] = [(int(each[0]), int(each[-1])) for each in merged]

    def __contains__(self, address: str) -> bool:
        """Return whether an address, or the start of a network, is in the set. False for other text."""
        try:
            found = ip_network(address, strict=False)
        except ValueError:
            return False
        ranges, first = self._ranges[found.version], int(found[0])
        position = bisect_right(ranges, (first, 1 << 128)) - 1
        return position >= 0 and first <= ranges[position][1]


def read(file: str) -> Networks:
    """Read a file with one network a line, such as 192.0.2.0/24; ``#`` starts a comment. An empty name gives none.

    Raises OSError and ValueError.
    """
    if not file:
        return Networks()
    lines = (line.partition("#")[0].strip() for line in Path(file).read_text(encoding="utf-8").splitlines())
    return Networks(line for line in lines if line)

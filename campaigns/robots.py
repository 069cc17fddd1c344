"""Recognises requests by machines: robots by their user agent, prefetches and scripts by the headers of browsers."""

import re
from collections.abc import Mapping
from functools import lru_cache

from crawleruseragents import is_crawler

from campaigns.models import Kind

LONGEST = 500  # characters of a user agent that are examined, to bound the time
# Names on the list of robots that people use too: Android apps, and browsers behind Amazon's CDN.
PEOPLE = re.compile("okhttp|Amazon CloudFront")
# Robots on no list yet call themselves by these words, or give an address for complaints. CUBOT is a phone.
SELF_NAMED = re.compile(r"(?<!cu)bot\b|crawler|spider\b|\+https?:", re.IGNORECASE)
PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
AHEAD_OF_TIME = re.compile("prefetch|prerender|preview", re.IGNORECASE)


def is_machine(kind: Kind, headers: Mapping[str, str]) -> bool:
    """Return whether a machine made the request. ``headers`` must ignore case."""
    return (
        is_robot(headers.get("User-Agent", ""))
        or any(AHEAD_OF_TIME.search(headers.get(name, "")) for name in PURPOSES)
        or (kind is Kind.CLICK and _is_embedded(headers))
    )


def is_robot(user_agent: str) -> bool:
    """Return whether this is a robot. An empty name is one too: every browser and app sends a name."""
    return not user_agent.strip() or _is_listed(user_agent[:LONGEST])


@lru_cache(4096)  # the list takes 0.2 ms
def _is_listed(user_agent: str) -> bool:
    return bool(SELF_NAMED.search(user_agent)) or is_crawler(PEOPLE.sub("", user_agent))


def _is_embedded(headers: Mapping[str, str]) -> bool:
    """Return whether a page calls the URL of a click without a user: as an image, by a script, or in a frame.

    Browsers say so in Sec-Fetch-* headers. Apps send none.
    """
    mode, target = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest", "document")
    touched = headers.get("Sec-Fetch-User") == "?1"
    return mode is not None and (mode != "navigate" or (target != "document" and not touched))

"""Recognises requests for an ad's URLs that no person made: robots by their name, browsers by their headers."""

import re
from collections.abc import Mapping
from functools import lru_cache

from crawleruseragents import is_crawler

from campaigns.models import Kind

LONGEST = 500  # characters of a user agent that are looked at, so that none takes long
# Names on the list of robots that people come with too: Android apps, and browsers behind Amazon's network.
PEOPLE = re.compile("okhttp|Amazon CloudFront")
# How robots that are on no list yet name themselves: by these words, or with an address for complaints. CUBOT is a
# phone.
SELF_NAMED = re.compile(r"(?<!cu)bot\b|crawler|spider\b|\+https?:", re.IGNORECASE)
PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
AHEAD_OF_TIME = re.compile("prefetch|prerender|preview", re.IGNORECASE)


def is_machine(kind: Kind, headers: Mapping[str, str]) -> bool:
    """Whether no person has seen or clicked the ad. ``headers`` are found whatever their case."""
    return (
        is_robot(headers.get("User-Agent", ""))
        or any(AHEAD_OF_TIME.search(headers.get(name, "")) for name in PURPOSES)
        or (kind is Kind.CLICK and _is_embedded(headers))
    )


def is_robot(user_agent: str) -> bool:
    """Whether this is a robot's name. No name at all is a robot's too: every browser and app sends one."""
    return not user_agent.strip() or _is_listed(user_agent[:LONGEST])


@lru_cache(4096)  # the list takes 0.2 ms
def _is_listed(user_agent: str) -> bool:
    return bool(SELF_NAMED.search(user_agent)) or is_crawler(PEOPLE.sub("", user_agent))


def _is_embedded(headers: Mapping[str, str]) -> bool:
    """Whether a page loads the URL of a click by itself: as an image, by a script, or in a frame that nobody touched.
    Browsers say so in Sec-Fetch-*; apps send none of these."""
    mode, target = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest", "document")
    touched = headers.get("Sec-Fetch-User") == "?1"
    return mode is not None and (mode != "navigate" or (target != "document" and not touched))

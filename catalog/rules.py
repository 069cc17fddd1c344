"""Rules and limits of fields, which models, serializers, admin forms and importers share."""

import re
import time

from django.core.validators import DomainNameValidator, RegexValidator, URLValidator
from django.utils.deconstruct import deconstructible
from django.utils.regex_helper import _lazy_re_compile

# Not "." or "..": clients remove these from a path before they send it.
ASIN_PATTERN = r"(?!\.\.?\Z)[A-Za-z0-9._-]{1,255}"
ASIN_RULE = "Not a valid value: an asin has 1 to 255 letters, digits, dots, dashes or underscores, and is not . or .."

# Characters
MAX_ASIN = 255  # as a Shopify handle
MAX_REVIEWER = 64
MAX_USER_NAME = 150  # Django's
MAX_NAME = 200
MAX_TITLE = 1000
MAX_URL = 2000
MAX_TEXT = 100_000

MAX_LIST = 200  # names in an object, asins in a list
MAX_CATEGORIES = 20
MAX_RANK = 2**63 - 1
MAX_VOTES = 2**31 - 1
PRICE_DIGITS, PRICE_PLACES = 10, 2
MAX_TIME = 2**32  # seconds since 1970
CLOCK_DIFFERENCE = 86_400  # seconds that a review may be ahead of our clock

# Requests for ads, at the recommender and at the ad provider
MAX_ADS, DEFAULT_ADS = 100, 10
MAX_ADS_BYTES = 1_000_000  # of an answer
MAX_KEYWORDS = 20
MAX_KEYWORD = MAX_VIEWER = 200  # characters
MAX_PLACEMENT = 50  # characters

is_asin = re.compile(ASIN_PATTERN).fullmatch


def asin_validator() -> RegexValidator:
    return RegexValidator(rf"^{ASIN_PATTERN}\Z", ASIN_RULE)


def latest_time() -> int:
    """The latest acceptable time, in seconds since 1970."""
    return int(time.time()) + CLOCK_DIFFERENCE


@deconstructible
class PictureURLValidator(URLValidator):
    """An http(s) URL. Unlike in Django's rule, a host may contain underscores and needs no dot."""

    letters = rf"a-z{DomainNameValidator.ul}0-9_"
    label = rf"[{letters}](?:[{letters}-]{{0,61}}[{letters}])?"
    host_re = rf"(?:{label}(?:\.{label})*\.?)"
    # Compiled at the first use, as in Django's rule: that takes longer than an import of most libraries.
    regex = _lazy_re_compile(
        r"^(?:[a-z0-9.+-]*)://"
        r"(?:[^\s:@/]+(?::[^\s:@/]*)?@)?"
        rf"(?:{URLValidator.ipv4_re}|{URLValidator.ipv6_re}|{host_re})"
        r"(?::[0-9]{1,5})?"
        r"(?:[/?#][^\s]*)?"
        r"\Z",
        re.IGNORECASE,
    )

    def __init__(self) -> None:
        super().__init__(["http", "https"])

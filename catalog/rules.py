"""The rules of the fields of products and reviews, for models, serializers, admin forms and importers alike."""

import re
import time

from django.core.validators import DomainNameValidator, RegexValidator, URLValidator
from django.utils.deconstruct import deconstructible

# Not "." or "..": a client takes these out of a path before it asks.
ASIN_PATTERN = r"(?!\.\.?\Z)[A-Za-z0-9._-]{1,255}"
ASIN_RULE = "Not a valid value: an asin has 1 to 255 letters, digits, dots, dashes or underscores, and is not . or .."

MAX_ASIN = 255  # characters, as all of these; a Shopify handle has as many
MAX_REVIEWER = 64
MAX_NAME = 200
MAX_TITLE = 1000
MAX_URL = 2000
MAX_TEXT = 100_000
MAX_LIST = 200  # names of an object, and asins of a list
MAX_CATEGORIES = 20
MAX_RANK = 2**63 - 1
MAX_VOTES = 2**31 - 1
PRICE_DIGITS, PRICE_PLACES = 10, 2
MAX_TIME = 2**32  # seconds since 1970
CLOCK_DIFFERENCE = 86_400  # seconds; clocks differ, days do not

is_asin = re.compile(ASIN_PATTERN).fullmatch


def asin_validator() -> RegexValidator:
    return RegexValidator(rf"^{ASIN_PATTERN}\Z", ASIN_RULE)


def latest_time() -> int:
    """Seconds since 1970 after which a time is of the future, and no difference between clocks."""
    return int(time.time()) + CLOCK_DIFFERENCE


@deconstructible
class PictureURLValidator(URLValidator):
    """An address of the web. Unlike Django's, its host may have underscores and no dot, as pictures' hosts do."""

    letters = rf"a-z{DomainNameValidator.ul}0-9_"
    label = rf"[{letters}](?:[{letters}-]{{0,61}}[{letters}])?"
    host_re = rf"(?:{label}(?:\.{label})*\.?)"
    regex = re.compile(
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

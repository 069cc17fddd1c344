"""What was decided, signed into the URLs of an ad: choosing writes nothing, and nobody can change a price."""

import base64
from datetime import date, timedelta
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.utils.crypto import get_random_string, salted_hmac

_SALT = "campaigns.decision"


class Decision(NamedTuple):
    """An ad that was chosen. ``id`` is that of the whole choice, ``price`` what a click costs, in micros; ``viewer`` is
    a hash, or empty. ``target`` is the one that fitted, such as ``keyword gel pen``; ``term`` is what was searched for.
    """

    id: str
    ad: int
    campaign: int
    asin: str
    position: int
    price: int
    placement: str
    viewer: str
    target: str = ""
    term: str = ""


class Expired(Exception):
    """It was right once."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("expired")
        self.decision = decision


class Forged(Exception):
    """It was never signed here."""


def new_id() -> str:
    """22 letters and digits: more than anybody can guess."""
    return get_random_string(22)


def sign(decision: Decision) -> str:
    """A text for a URL that carries ``decision`` and the time."""
    return signing.dumps(decision, salt=_SALT)


def read(token: str) -> Decision:
    """The decision that ``sign`` made into ``token``, with SECRET_KEY or one of SECRET_KEY_FALLBACKS.

    Raises Expired, after ADS_URL_SECONDS, or Forged.
    """
    try:
        decision = Decision(*signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError):
        raise Forged from None
    try:
        signing.loads(token, salt=_SALT, max_age=timedelta(seconds=settings.ADS_URL_SECONDS))
    except signing.SignatureExpired:
        raise Expired(decision) from None
    return decision


def viewer_hash(viewer: str, day: date) -> str:
    """22 characters for the caller's key of a viewer, other ones each day; the key cannot be had from them.

    A new SECRET_KEY makes them other ones too: to look for a viewer under each key of before is not worth a few
    impressions beyond a campaign's limit on the day of a rotation.
    """
    digest = salted_hmac(f"campaigns.viewer {day}", viewer, algorithm="sha256").digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

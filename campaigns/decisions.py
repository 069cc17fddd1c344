"""What was decided, sealed into the URLs of an ad: choosing writes nothing, and nobody can read or change a price."""

import base64
import time
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
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


def seal(decision: Decision) -> str:
    """A text for a URL that holds ``decision`` and the time, encrypted: about 250 characters."""
    return _fernet().encrypt(orjson.dumps(tuple(decision))).decode().rstrip("=")


def read(token: str) -> Decision:
    """The decision that ``seal`` made into ``token``, with SECRET_KEY or one of SECRET_KEY_FALLBACKS.

    Raises Expired, after ADS_URL_SECONDS, or Forged.
    """
    if ":" in token:
        return _read_signed(token)
    sealed = token + "=" * (-len(token) % 4)
    try:
        decision = Decision(*orjson.loads(_fernet().decrypt(sealed)))
        made = _fernet().extract_timestamp(sealed)
    except (InvalidToken, ValueError, TypeError):
        raise Forged from None
    if time.time() - made > settings.ADS_URL_SECONDS:
        raise Expired(decision)
    return decision


def _read_signed(token: str) -> Decision:
    """Read a URL that an earlier release has handed out, signed but not encrypted. The last of them expire
    ADS_URL_SECONDS after the upgrade."""
    try:
        decision = Decision(*signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError):
        raise Forged from None
    try:
        signing.loads(token, salt=_SALT, max_age=timedelta(seconds=settings.ADS_URL_SECONDS))
    except signing.SignatureExpired:
        raise Expired(decision) from None
    return decision


def _fernet() -> MultiFernet:
    return _fernet_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@cache  # a process has one set of keys
def _fernet_of(keys: Sequence[str]) -> MultiFernet:
    digests = [salted_hmac(_SALT, "seal", secret=key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def viewer_hash(viewer: str, day: date) -> str:
    """22 characters for the caller's key of a viewer, other ones each day; the key cannot be had from them.

    A new SECRET_KEY makes them other ones too: to look for a viewer under each key of before is not worth a few
    impressions beyond a campaign's limit on the day of a rotation.
    """
    return _hash_of_the_day("campaigns.viewer", viewer, day)


def address_hash(address: str, day: date) -> str:
    """The same for a client's address. It is never equal to the hash of a viewer."""
    return _hash_of_the_day("campaigns.address", address, day)


def _hash_of_the_day(salt: str, text: str, day: date) -> str:
    digest = salted_hmac(f"{salt} {day}", text, algorithm="sha256").digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

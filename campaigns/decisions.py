"""Decisions, encrypted into the URLs of an ad: choosing writes nothing, and nobody can read or change a price."""

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
    """One ad of a choice. All of them share the ``id``. ``price`` is that of a click, in micros. ``viewer`` is a hash
    or empty. ``target`` is the one that matched, as in ``keyword gel pen``. ``term`` is the search term.
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
    """The token is older than ADS_URL_SECONDS."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("expired")
        self.decision = decision


class Forged(Exception):
    """The token was not made with one of the keys."""


def new_id() -> str:
    """Return 22 random letters and digits."""
    return get_random_string(22)


def seal(decision: Decision) -> str:
    """Encrypt a decision and the time into a text for URLs, about 250 characters."""
    return _fernet().encrypt(orjson.dumps(tuple(decision))).decode().rstrip("=")


def read(token: str) -> Decision:
    """Return the decision in a token of ``seal``, made with SECRET_KEY or one of SECRET_KEY_FALLBACKS.

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
    """Read a token of an earlier release, signed but not encrypted. The last ones expire ADS_URL_SECONDS after the
    upgrade."""
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
    """Return a hash of the caller's key of a viewer, 22 characters, another one each day.

    It changes with SECRET_KEY too: on the day of a rotation a viewer may get a few impressions beyond the limit.
    """
    return _hash_of_the_day("campaigns.viewer", viewer, day)


def address_hash(address: str, day: date) -> str:
    """Return the same for a client's address. It never equals the hash of a viewer."""
    return _hash_of_the_day("campaigns.address", address, day)


def _hash_of_the_day(salt: str, text: str, day: date) -> str:
    digest = salted_hmac(f"{salt} {day}", text, algorithm="sha256").digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

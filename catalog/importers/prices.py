"""Reads prices as people write them, by one rule for all files, which ``seed_products --help`` prints."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from catalog import rules

RULE = (
    "A price is read by one rule. Currency signs and codes around it are dropped (£12.99, 12.99 USD). Of two different "
    "separators the last one is the decimal one (1.299,00). A separator that occurs more than once groups, and only in "
    "threes (12.990.000). A single comma before exactly three digits groups (1,299), unless a 0 stands before it. Any "
    "other single comma is decimal (12,99), and so is a single point (12.999). Blanks and apostrophes group "
    "(1 299.00). Half a cent rounds up. A range takes its lower end ($12.99 - $20.00; From $5.00). Anything else is no "
    "price: the product keeps the one that it has, and the closing line counts it (price unreadable: 3)."
)
MAX_LENGTH = 100  # characters
# ISO 4217, and in the last line other common abbreviations.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES
    VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
    FR FT KR KČ RMB RS ZŁ
"""
_BESIDE_NUMBER = frozenset(_CODES.split())
_BESIDE_SIGN = _BESIDE_NUMBER | {"A", "AU", "C", "CA", "HK", "NZ", "R", "S", "US"}  # US$ 5, but not US 5

_NUMBER = re.compile(r"[0-9](?:[0-9.,' ]*[0-9])?|[.,][0-9]+")
_SCIENTIFIC = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,2}")
_BLANKS = re.compile(r"[\s\u2019]")
_RANGE = re.compile(r"\s*(?:[-\u2013\u2014~]|\bto\b)\s*")
_FROM = re.compile(r"from\b:?\s*", re.IGNORECASE)
_CENT = Decimal(1).scaleb(-rules.PRICE_PLACES)
_TOO_MUCH = 10 ** (rules.PRICE_DIGITS - rules.PRICE_PLACES)


def price(raw: Any) -> Decimal | None:
    """The price by RULE, rounded to cents, or None if it is not in 0 to 99,999,999.99."""
    if isinstance(raw, str):
        return _of_text(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return None
    if isinstance(raw, Decimal) and not raw.is_finite():
        return None
    return _rounded(Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)) if 0 <= raw < _TOO_MUCH else None


def _of_text(text: str) -> Decimal | None:
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return None
    text = _FROM.sub("", text, count=1) if _FROM.match(text) else text
    ends = [_amount(text)] if _SCIENTIFIC.fullmatch(text) else [_amount(end) for end in _RANGE.split(text, maxsplit=2)]
    if len(ends) > 2:
        return None
    known = [end for end in ends if end is not None]
    return min(known) if len(known) == len(ends) else None


def _amount(text: str) -> Decimal | None:
    number = _BLANKS.sub(" ", _without_currency(text))
    if _SCIENTIFIC.fullmatch(number):
        return _rounded(Decimal(number))
    return _rounded(_decimal(number.replace("'", " "))) if _NUMBER.fullmatch(number) else None


def _without_currency(text: str) -> str:
    """``text`` without one currency on each side: a sign, a code, or letters with a sign (US$)."""
    start, end = 0, len(text)
    while start < end and not text[start].isdecimal():
        start += 1
    if start and text[start - 1] in ".," and not text[: start - 1][-1:].isalpha():  # $.50, but not Rs.50
        start -= 1
    while end > start and not text[end - 1].isdecimal():
        end -= 1
    around = [text[:start].strip(), text[end:].strip()]
    return text[start:end] if all(_is_currency(each) for each in around) else ""


def _is_currency(text: str) -> bool:
    letters = [each for each in text if unicodedata.category(each) != "Sc"]
    signs = len(text) - len(letters)
    known = "".join(letters).strip().removesuffix(".").upper()
    if signs > 1 or "¢" in text:  # a cent sign divides by a hundred
        return False
    return not known or known in (_BESIDE_SIGN if signs else _BESIDE_NUMBER)


def _decimal(number: str) -> Decimal | None:
    """The value of digits with points, commas and blanks between them."""
    separators = [each for each in number if not each.isdecimal()]
    last = separators[-1] if separators else ""
    is_decimal = len(set(separators)) > 1 or (len(separators) == 1 and not _groups(number, last))
    whole, fraction = number.rsplit(last, 1) if is_decimal else (number, "")
    first, *groups = re.split("[., ]", whole)
    grouping = {each for each in whole if not each.isdecimal()}
    if (is_decimal and (last == " " or last in grouping)) or len(grouping) > 1:
        return None
    if groups and not (1 <= len(first) <= 3 and all(len(group) == 3 for group in groups)):
        return None
    return Decimal(f"{first}{''.join(groups)}.{fraction}" if whole else f"0.{fraction}")


def _groups(number: str, separator: str) -> bool:
    """Whether a single separator groups: a blank does, and a comma before exactly three digits."""
    before, _, behind = number.partition(separator)
    return separator == " " or (separator == "," and len(behind) == 3 and before != "" and before[0] != "0")


def _rounded(value: Decimal | None) -> Decimal | None:
    if value is None or not 0 <= value < _TOO_MUCH:
        return None
    cents = value.quantize(_CENT, ROUND_HALF_UP) + 0
    return cents if cents < _TOO_MUCH else None

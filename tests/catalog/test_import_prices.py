"""How a price is read. The rule is catalog.importers.prices.RULE."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from catalog.importers.prices import price
from catalog.management.commands.seed_products import Command
from catalog.models import Product
from tests.catalog.importing import as_lines, import_products

NBSP, NARROW, APOSTROPHE = "\u00a0", "\u202f", "\u2019"


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("12,99", "12.99"),
        ("4,20", "4.20"),
        ("1,299", "1299.00"),
        ("0,299", "0.30"),
        ("1,299.00", "1299.00"),
        ("1.299,00", "1299.00"),
        ("1.299.000,5", "1299000.50"),
        ("12.990.000", "12990000.00"),
        ("1,299,000.50", "1299000.50"),
        ("12.999", "13.00"),
        (".5", "0.50"),
        ("$ 1 299.00", "1299.00"),
        (f"1{NBSP}299,00{NARROW}€", "1299.00"),
        ("1'299.50 CHF", "1299.50"),
        (f"1{APOSTROPHE}299.50", "1299.50"),
    ],
)
def test_separators_group_or_are_decimal(raw: str, read: str) -> None:
    assert str(price(raw)) == read


@pytest.mark.parametrize(
    "raw", ["£5", "5 €", "€5", "5€", "₹5", "USD 5", "5 usd", "US$ 5", "R$5", "5 kr.", "Rs.5", "Rs. 5", "5 zł", " $5 "]
)
def test_currencies_around_a_price_are_dropped(raw: str) -> None:
    assert price(raw) == 5


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("$12.99 - $20.00", "12.99"),
        ("1,299–1,499", "1299.00"),  # noqa: RUF001
        ("$5 to $10", "5.00"),
        ("From $5.00", "5.00"),
        ("from 5 to 10 EUR", "5.00"),
    ],
)
def test_a_range_takes_its_lower_end(raw: str, read: str) -> None:
    assert str(price(raw)) == read


@pytest.mark.parametrize(
    ("raw", "read"),
    [(0.005, "0.01"), (9.5, "9.50"), (7, "7.00"), ("1e3", "1000.00"), (Decimal("0.005"), "0.01"), ("$0", "0.00")],
)
def test_numbers_are_prices_and_half_a_cent_rounds_up(raw: Any, read: str) -> None:
    assert str(price(raw)) == read


@pytest.mark.parametrize(
    "raw",
    [
        *["-5", "- 5", "5-", "5 - 4 - 3", "(5)", "−5"],  # noqa: RUF001
        *["1,2,3", "1,00,000", "1234,567", "1234,567.00", "1,299.00.5", "1.299,00,5", "1,299 000", "12 99", "1  299"],
        *["Free", "10 OFF", "A 5", "99¢", "$$5", "5/each", ".a-box-inner{background-color:#fff}", "１２"],  # noqa: RUF001
        *["9" * 400, "1e20", "1e99", "99999999.995", "0x" + "1" * 4000, "1" * 10_000_000],
        *[-5, 1e20, 10**400, float("inf"), True, [1, 2], {"a": 1}, Decimal("Infinity"), Decimal("sNaN")],
    ],
)
def test_anything_else_is_not_a_price(raw: Any) -> None:
    assert price(raw) is None


signs = st.sampled_from(["", "$", "€", "USD ", " EUR", "From ", " - ", "-", "–", " ", ".", ",", "'", "e", "to"])  # noqa: RUF001
written = st.lists(st.one_of(signs, st.integers(0, 99_999).map(str)), max_size=12).map("".join)


@given(raw=st.one_of(written, st.text(), st.floats(), st.decimals(), st.integers(), st.none(), st.binary()))
def test_a_price_is_one_that_the_database_takes_or_none(raw: Any) -> None:
    read = price(raw)
    assert read is None or (0 <= read < 10**8 and read.as_tuple().exponent == -2)


@given(cents=st.integers(0, 10**10 - 1), sign=st.sampled_from(["{}", "${}", "{} €", "USD {}"]))
def test_every_spelling_of_a_price_is_the_same_price(cents: int, sign: str) -> None:
    value = Decimal(cents) / 100
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    french = english.replace(",", NARROW).replace(".", ",")
    for spelling in (f"{value:.2f}", english, german, french):
        assert price(sign.format(spelling)) == value


@pytest.mark.django_db
def test_unreadable_prices_are_counted_in_the_closing_line_and_keep_the_stored_one(tmp_path: Path) -> None:
    import_products(tmp_path, as_lines([{"asin": "P1", "price": 5}]))
    file = tmp_path / "0.txt"
    file.write_text('asin,price\nP1,Free\nP2,"1,2,3"\nP3,"12,99"\nP4,\nP5,nan\nbad asin,Free\n')
    out = io.StringIO()
    call_command("seed_products", str(file), stdout=out)
    assert f"1 rejected, price unreadable: 2 (first 'Free' in {file}, line 2); read as" in out.getvalue()
    prices = dict(Product.objects.values_list("asin", "price"))
    assert prices == {"P1": 5, "P2": None, "P3": Decimal("12.99"), "P4": None, "P5": None}


def test_help_says_the_rule() -> None:
    words = " ".join(Command().create_parser("manage_recommender.py", "seed_products").format_help().split())
    assert "Half a cent rounds up. A range takes its lower end" in words

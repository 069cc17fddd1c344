"""What a raw row is, and how text of JSON or of a Python literal becomes a value."""

import ast
import json
import warnings
from typing import Any, NamedTuple

import orjson

FORMATS = ("csv", "json", "literal")
# ast takes some hundred bytes of memory for each character. The longest row in the real data has 50 thousand.
MAX_LITERAL = 1_000_000


class UnknownFormat(Exception):
    """The file is of none of the formats, or not of the one that was named; the message says what it looks like."""


class RejectedRow(Exception):
    """A row that cannot be used; the message says why. ``kind`` is the message without what differs by row."""

    def __init__(self, reason: str, kind: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind or reason


class BrokenQuote(RejectedRow):
    """A quote or an object that is not closed: the file is damaged, whatever else it holds."""


class RawRow(NamedTuple):
    """A row as it stands in the file: the number of its first line, and its fields or the reason it has none."""

    line: int
    fields: dict[str, Any] | RejectedRow


def literal(text: str) -> Any:
    """The value of a Python literal; ``nan`` and ``inf``, which are none, count as None. Raises RejectedRow."""
    if len(text) > MAX_LITERAL:
        raise RejectedRow(f"a Python literal longer than {MAX_LITERAL} characters")
    try:
        with warnings.catch_warnings():  # of escapes that Python does not know
            warnings.simplefilter("ignore")
            if "nan" not in text and "inf" not in text:
                return ast.literal_eval(text.strip())
            tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            for name, value in ast.iter_fields(node):
                if isinstance(value, list):
                    setattr(node, name, [_number_or_none(each) for each in value])
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise RejectedRow("not a Python literal") from error


def _number_or_none(node: Any) -> Any:
    if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
        return ast.copy_location(ast.Constant(None), node)
    return node


# ``NaN`` and ``Infinity``, which Python's json writes and JSON does not have, count as None.
lenient = json.JSONDecoder(parse_constant=lambda name: None)


def from_json(text: str) -> Any:
    """The value of a JSON text. Raises RejectedRow."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        value, end = lenient.raw_decode(text.lstrip())
    except (ValueError, RecursionError) as error:  # a ValueError may also be a number of thousands of digits
        raise RejectedRow("not JSON") from error
    rest = text.lstrip()[end:].strip().lstrip("\ufeff")
    if rest:
        raise RejectedRow("several objects in one line" if rest.startswith("{") else "not JSON")
    return value


def from_json_or_literal(text: str) -> Any:
    """The value of a JSON text, else of a Python literal. Raises RejectedRow."""
    try:
        return from_json(text)
    except RejectedRow as of_json:
        if str(of_json) != "not JSON":
            raise
        try:
            return literal(text)
        except RejectedRow as error:
            known = str(error) != "not a Python literal"
            raise RejectedRow(str(error) if known else "neither JSON nor a Python literal") from error

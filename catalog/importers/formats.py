"""Raw rows, errors of rows and files, and parsers of JSON and Python literals."""

import ast
import json
import warnings
from typing import Any, NamedTuple

import orjson

FORMATS = ("csv", "json", "literal")
# Characters. ast takes some hundred bytes of memory for each; the longest row in real data has 50 thousand.
MAX_LITERAL = 1_000_000


class UnknownFormat(Exception):
    """The file has no known format, or not the given one. The message says what it looks like."""


class RejectedRow(Exception):
    """A row that cannot be used. The message says why; ``kind`` is the message without the values of the row."""

    def __init__(self, reason: str, kind: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind or reason


class BrokenQuote(RejectedRow):
    """An unclosed quote or object: the file is damaged."""


class RawRow(NamedTuple):
    """A row of a file: the number of its first line, and its fields or the error."""

    line: int
    fields: dict[str, Any] | RejectedRow


def literal(text: str) -> Any:
    """The value of a Python literal, with ``nan`` and ``inf`` as None. Raises RejectedRow."""
    if len(text) > MAX_LITERAL:
        raise RejectedRow(f"a Python literal longer than {MAX_LITERAL} characters")
    try:
        with warnings.catch_warnings():  # about unknown escapes
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


# Reads ``NaN`` and ``Infinity``, which Python's json writes although JSON has no such values, as None.
lenient = json.JSONDecoder(parse_constant=lambda name: None)


def from_json(text: str) -> Any:
    """The value of a JSON text. Raises RejectedRow."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        value, end = lenient.raw_decode(text.lstrip())
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
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

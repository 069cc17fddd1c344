"""Parses lists and objects in text: Python literals, JSON with Python's words, and output of NumPy and pandas.

It evaluates nothing. Time and memory are linear in the length of the text.
"""

import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 20
MAX_NUMBER = 40  # characters; integers of 64 bits take 20
# Spellings of "no value" in pandas (``na_values``), NumPy, R, SQL, C and Excel, and by people. Nan and Na are left out,
# because they are names of people.
ABSENT = frozenset(
    (
        *("", "nan", "NaN", "NAN", "-nan", "-NaN", "-NAN", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "NaT"),
        *(
            "none",
            "None",
            "NONE",
            "null",
            "Null",
            "NULL",
            "(null)",
            "(NULL)",
            "\\N",
            "-",
            "--",
            "---",
            "\u2013",
            "\u2014",
        ),
        *("na", "NA", "n/a", "N/a", "N/A", "<na>", "<NA>", "#na", "#NA", "#n/a", "#N/A", "#N/A N/A"),
        *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"),
    )
)

_TOKEN = re.compile(
    r"""
    (?P<blank> \s++ )
    | [uU]? (?P<quote> ['"] ) (?P<body> (?: [^'"\\] | \\. | (?!(?P=quote)) ['"] )*+ ) (?P<closed> (?P=quote) )?
    | (?P<mark> [][(){},:] )
    | (?P<word> [^][(){},:'"\s]++ )
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_CALLS = frozenset(["array", "Decimal", "Timestamp"])  # replaced by their first argument
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_WORDS = {"True": True, "true": True, "False": False, "false": False}


class NotALiteral(ValueError):
    """The text is not a list, object, text or number in any spelling."""


def parse(text: str) -> Any:
    """The value of ``text``, with absent values as None. Raises NotALiteral."""
    tokens = _tokens(text)
    value = _value(next(tokens), tokens, 0)
    if next(tokens) != ("end", ""):
        raise NotALiteral
    return value


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(text):
        if found["quote"]:
            if not found["closed"]:
                raise NotALiteral
            yield "text", _unescaped(found["body"])
        elif found.lastgroup == "mark":
            yield found["mark"], ""
        elif found.lastgroup == "word":
            yield "word", found["word"]
    while True:
        yield "end", ""


def _value(token: tuple[str, str], tokens: Iterator[tuple[str, str]], depth: int) -> Any:
    kind, text = token
    if depth > MAX_DEPTH:
        raise NotALiteral
    if kind == "text":
        return text
    if kind == "word":
        if text in _CALLS:
            if next(tokens)[0] != "(":
                raise NotALiteral
            arguments = _items("(", tokens, depth + 1)
            return arguments[0] if arguments else None
        return _word(text)
    if kind == "{":
        return _object(tokens, depth + 1)
    return _items(kind, tokens, depth + 1)


def _items(opening: str, tokens: Iterator[tuple[str, str]], depth: int) -> list[Any]:
    """The items up to the closing bracket, with commas between them or, as in NumPy's output, without."""
    closing = _CLOSING.get(opening)
    found: list[Any] = []
    if closing is None:
        raise NotALiteral
    while (token := next(tokens))[0] != closing:
        if token[0] == "word" and token[1].startswith("dtype="):
            continue
        if token[0] != ",":
            found.append(_value(token, tokens, depth))
    return found


def _object(tokens: Iterator[tuple[str, str]], depth: int) -> dict[Any, Any]:
    found = {}
    while (token := next(tokens))[0] != "}":
        if token[0] == ",":
            continue
        if token[0] not in ("text", "word") or next(tokens)[0] != ":":
            raise NotALiteral
        key = token[1] if token[0] == "text" else _word(token[1])
        found[key] = _value(next(tokens), tokens, depth)
    return found


def _word(text: str) -> Any:
    if text in ABSENT or text in ("inf", "-inf", "Infinity", "-Infinity", "..."):
        return None
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_NUMBER or not _NUMBER.fullmatch(text):
        raise NotALiteral
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _unescaped(body: str) -> str:
    if "\\" not in body:
        return body
    text = _ESCAPE.sub(_character, body)
    if any("\ud800" <= each <= "\udfff" for each in text):  # JSON escapes emoji as surrogate pairs
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


def _character(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"
    return _ESCAPED.get(found[4], found[4] if found[4] in "\\'\"/" else found[0])

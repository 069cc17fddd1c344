"""Takes HTML out of text."""

import re

_TAG = re.compile(r"<[/!]?[A-Za-z-][^<>]*>")
_ALT = re.compile(r"<img\s[^<>]*?alt=\"([^<>\"]*)\"[^<>]*>")
_BLOCK_END = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def without_tags(text: str) -> str:
    """``text`` less its tags; a picture counts as its alternative text."""
    return _TAG.sub("", _ALT.sub(r"\1", text)) if "<" in text else text


def without_markup(html: str) -> str:
    """The text of a description in HTML, a line for each block. Entities stay."""
    text = _TAG.sub("", _BLOCK_END.sub("\n", _BLANKS.sub(" ", html.replace("\n", " "))))
    return _LINES.sub("\n", text).strip()

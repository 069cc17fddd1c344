"""Removes HTML from text."""

import re

_TAG = re.compile(r"<[/!]?[A-Za-z-][^<>]*>")
_ALT = re.compile(r"\salt=\"([^\"]*)\"")
_BLOCK_END = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")


def without_tags(text: str) -> str:
    """``text`` without tags. A picture becomes its alternative text."""
    return _TAG.sub(_shown, text) if "<" in text else text


def _shown(tag: re.Match[str]) -> str:
    alternative = _ALT.search(tag[0]) if tag[0].startswith("<img") else None
    return alternative[1] if alternative else ""


def without_markup(html: str) -> str:
    """The text of an HTML description, one line per block. Entities stay."""
    text = _TAG.sub("", _BLOCK_END.sub("\n", _BLANKS.sub(" ", html.replace("\n", " "))))
    return "\n".join(line for each in text.split("\n") if (line := each.strip()))

"""The words of a search, as full text queries of PostgreSQL and of SQLite's FTS5.

Both match by stem, and the last word also as the beginning of a longer one. Migration 0008 makes the index.
"""

import re

MAX_WORDS = 10
MIN_PREFIX = 3  # characters; a shorter beginning would match half of the catalogue
# Those that PostgreSQL's English dictionary leaves out of documents and queries. FTS5 has no such list.
_STOP_WORDS = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it
    its itself they them their theirs themselves what which who whom this that these those am is are was were be been
    being have has had having do does did doing a an the and but if or because as until while of at by for with about
    against between into through during before after above below to from up down in out on off over under again further
    then once here there when where why how all any both each few more most other some such no nor not only own same so
    than too very s t can will just don should now
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def words_of(text: str) -> tuple[str, ...]:
    """The first MAX_WORDS words in lower case, without stop words."""
    words = (word for word in re.findall(r"[^\W_]+", text.lower()) if word not in STOP_WORDS)
    return tuple(dict.fromkeys(words))[:MAX_WORDS]


def text_query(vendor: str, words: tuple[str, ...], *, in_title: bool = False) -> str:
    """The query for documents with all of the words, for products ``in_title`` with all of them in the title."""
    if vendor == "sqlite":
        query = " AND ".join(f'"{word}"{"*" * is_prefix}' for word, is_prefix in _with_prefix(words))
        column = "title" if in_title else "{title brand}"
        return f"{column} : ({query})"
    weight = "A" if in_title else "AB"
    return " & ".join(f"{word}:{'*' * is_prefix}{weight}" for word, is_prefix in _with_prefix(words))


def category_query(vendor: str, name: str) -> str:
    """The query for documents with this category."""
    word = f"c{name.encode().hex()}0"
    return f"categories : {word}" if vendor == "sqlite" else word


def _with_prefix(words: tuple[str, ...]) -> list[tuple[str, bool]]:
    return [(word, word is words[-1] and len(word) >= MIN_PREFIX) for word in words]

"""How keywords are compared with search terms: broad match, the default of ad platforms.

A keyword matches a term that has all of its words, in any order; the term may have more. A negative keyword likewise.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import nlargest

RULE = "A keyword matches a search term that has all of its words, in any order."
MAX_TERM = 100  # characters
MAX_MATCHES = 100  # sets of words of a request, so that nobody makes an auction slow
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))  # soft hyphen, zero-width blanks, byte order mark


def keyword(text: str) -> str:
    """Normalise a keyword or a search term: letters composed alike, no case, single blanks (NFKC_Casefold)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_UNSEEN).casefold())
    return " ".join(folded.split())


def search_term(keywords: Sequence[str]) -> str:
    """Join what was searched for into one text of MAX_TERM characters at most: it travels in the URLs of ads."""
    return ", ".join(keywords)[:MAX_TERM]


class KeywordIndex:
    """Finds the keywords that match a search. All texts are normalised."""

    def __init__(self, keywords: Iterable[str] = ()) -> None:
        words = {each: frozenset(each.split()) for each in keywords}
        number = Counter(word for each in words.values() for word in each)
        # By the rarest word only, so that a frequent one does not lead to every keyword that has it.
        self._by_word: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
        for text, its_words in words.items():
            if its_words:
                self._by_word[min(its_words, key=lambda word: (number[word], word))].append((text, its_words))

    def matching(self, terms: Iterable[str]) -> list[str]:
        """Return the keywords that match any of the terms, those with most words first.

        The limit MAX_MATCHES counts sets of words, so that other orders of its words do not push a keyword out.
        """
        found = self._by_words(terms)
        kept = nlargest(MAX_MATCHES, found, key=lambda words: (len(words), sorted(words)))
        return [text for words in kept for text in sorted(found[words])]

    def all_matching(self, terms: Iterable[str]) -> set[str]:
        """Return all keywords that match any of the terms."""
        return set().union(*self._by_words(terms).values())

    def _by_words(self, terms: Iterable[str]) -> dict[frozenset[str], set[str]]:
        """The keywords that match any of the terms, by their words."""
        found: dict[frozenset[str], set[str]] = defaultdict(set)
        for term in terms:
            words = set(term.split())
            for word in words:
                for text, its_words in self._by_word.get(word, ()):
                    if its_words <= words:
                        found[its_words].add(text)
        return found

"""Which keywords match a search."""

import pytest
from django.test import Client

from campaigns.keywords import MAX_MATCHES, KeywordIndex
from tests.campaigns import sponsors
from tests.campaigns.test_tracking import ask


@pytest.mark.parametrize(
    ("keyword", "terms", "matches"),
    [
        ("rosenschere", ["rosenschere edelstahl"], True),
        ("rosenschere", ["edelstahl", "rosenschere"], True),
        ("gel pen", ["blue pen with gel"], True),
        ("gel pen", ["gel pen"], True),
        ("gel pen", ["gel", "pen"], False),
        ("gel pen", ["gel pens"], False),
        ("pen", ["open"], False),
        ("pen", [], False),
        ("", ["pen"], False),
    ],
)
def test_a_keyword_matches_a_term_that_has_all_of_its_words(keyword: str, terms: list[str], matches: bool) -> None:
    others = ["gel", "pen case", "edelstahl topf", "blue"]
    assert (keyword in KeywordIndex([keyword, *others]).matching(terms)) is matches


def test_the_most_specific_keywords_are_kept_where_there_are_too_many() -> None:
    words = [f"word{number}" for number in range(MAX_MATCHES)]
    found = KeywordIndex([*words, "word1 word2"]).matching([" ".join(words)])
    assert len(found) == MAX_MATCHES
    assert found[0] == "word1 word2"


@pytest.mark.django_db
def test_an_ad_is_found_by_a_longer_search_and_kept_off_by_a_negative_keyword(client: Client) -> None:
    sponsors.ad(sponsors.campaign("Garden"), "SHEARS", "keyword rosenschere", "-keyword gebraucht kaufen")
    assert [ad["asin"] for ad in ask(client, keywords=["Rosenschere Edelstahl"]) if ad["sponsored"]] == ["SHEARS"]
    assert not any(ad["sponsored"] for ad in ask(client, keywords=["Rosenschere kaufen, gebraucht".replace(",", "")]))

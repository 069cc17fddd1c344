"""Which keywords match a search."""

from itertools import combinations, permutations

import pytest
from django.test import Client

from campaigns.choice import TargetKey
from campaigns.keywords import MAX_MATCHES, KeywordIndex
from campaigns.models import Target
from campaigns.snapshot import read
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


def test_other_orders_of_its_words_push_no_keyword_out() -> None:
    orders = [" ".join(each) for each in permutations(["red", "blue", "big", "free", "pens"])]
    found = KeywordIndex([*orders, "free", "free pens"]).matching(["free pens red blue big"])
    assert set(found) == {*orders, "free", "free pens"}


@pytest.mark.django_db
def test_a_negative_keyword_holds_however_many_others_match(client: Client) -> None:
    sponsors.ad(sponsors.campaign("Careful"), "PEN", "keyword pens", "-keyword free")
    words = [f"word{number}" for number in range(10)]
    pairs = [f"-keyword {one} {other}" for one, other in combinations(words, 2)]
    triples = [f"-keyword {' '.join(each)}" for each in combinations(words, 3)]
    sponsors.ad(sponsors.campaign("Rival"), "PAD", "keyword pens", *pairs, *triples)
    searched = [f"free pens {' '.join(words)}"]
    assert not any(ad["sponsored"] for ad in ask(client, keywords=searched))
    assert [ad["asin"] for ad in ask(client, keywords=["pens"]) if ad["sponsored"]]


@pytest.mark.django_db
def test_of_the_orders_of_its_words_an_ad_has_the_highest_bid() -> None:
    ad = sponsors.ad(sponsors.campaign("Rival"), "PAD")
    for bid, each in enumerate(permutations(["red", "blue", "pens"]), 100_000):
        Target.objects.create(ad=ad, kind=Target.Kind.KEYWORD, value=" ".join(each), bid=bid)
    known = read()
    assert known.keywords.matching(["red blue pens"]) == ["pens blue red"]
    assert [bid for _, bid in known.ads[TargetKey("keyword", "pens blue red")]] == [100_005]


@pytest.mark.django_db
def test_an_ad_is_found_by_a_longer_search_and_kept_off_by_a_negative_keyword(client: Client) -> None:
    sponsors.ad(sponsors.campaign("Garden"), "SHEARS", "keyword rosenschere", "-keyword gebraucht kaufen")
    assert [ad["asin"] for ad in ask(client, keywords=["Rosenschere Edelstahl"]) if ad["sponsored"]] == ["SHEARS"]
    assert not any(ad["sponsored"] for ad in ask(client, keywords=["Rosenschere kaufen, gebraucht".replace(",", "")]))

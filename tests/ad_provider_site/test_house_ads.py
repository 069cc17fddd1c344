import random

import pytest

from ad_provider_site.house_ads import draw_house_ads
from catalog.repository import AdCandidates
from catalog.served import ProductRow

FITTING = [ProductRow(f"F{n}") for n in range(10)]
OTHERS = [ProductRow(f"O{n}") for n in range(10)]


@pytest.mark.parametrize("limit", [1, 5, 10, 15, 20, 30])
def test_fitting_ones_go_first_in_the_order_of_their_rating(limit: int) -> None:
    for seed in range(50):
        chosen = draw_house_ads(AdCandidates((), FITTING, OTHERS), limit, random.Random(seed))
        assert len(chosen) == min(limit, 20)
        fitting, others = chosen[: min(limit, 10)], chosen[10:]
        assert fitting == sorted(fitting, key=FITTING.index)
        assert others == sorted(others, key=OTHERS.index)


def test_the_same_random_numbers_give_the_same_choice() -> None:
    candidates = AdCandidates((), FITTING, OTHERS)
    assert draw_house_ads(candidates, 5, random.Random(1)) == draw_house_ads(candidates, 5, random.Random(1))
    assert (
        len({tuple(each.asin for each in draw_house_ads(candidates, 3, random.Random(seed))) for seed in range(20)}) > 5
    )


def test_five_places_lower_is_half_as_often() -> None:
    rng = random.Random(7)
    first = [draw_house_ads(AdCandidates((), FITTING, []), 1, rng)[0].asin for _ in range(20_000)]
    assert first.count("F5") / first.count("F0") == pytest.approx(0.5, abs=0.05)

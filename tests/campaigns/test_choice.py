"""The outcome of the auction: winners, order, prices, and why ads lose."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.choice import (
    CLIENT_IMPRESSIONS,
    FLOOR,
    Ad,
    AuctionEntry,
    CampaignState,
    Context,
    Snapshot,
    TargetKey,
    click_rate,
    pace,
    run_auction,
)

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
HERE = TargetKey("category", "Pens")


def state(number: int, **fields: object) -> CampaignState:
    given: dict[str, object] = {
        "id": number,
        "name": f"campaign {number}",
        "status": "active",
        "starts": NOON - timedelta(days=10),
        "ends": None,
        "total_left": 10_000_000,
        "daily_budget": 10_000_000,
        "spent_today": 0,
        "even": False,
        "viewer_limit": None,
    }
    return CampaignState(**given | fields)  # type: ignore[arg-type]


def an_ad(number: int, campaign: int | None = None, seen: tuple[int, int] = (0, 0), never: str = "") -> Ad:
    places = frozenset({TargetKey(*never.split(" ", 1))} if never else ())
    return Ad(number, campaign or number, f"AD{number}", *seen, places)


def run(
    ads: list[tuple[Ad, int]],
    states: list[CampaignState] | None = None,
    *,
    place: TargetKey = HERE,
    limit: int = 10,
    context: Context | None = None,
) -> tuple[list[AuctionEntry], list[AuctionEntry]]:
    states = states or [state(number) for number in {ad.campaign for ad, _ in ads}]
    snapshot = Snapshot({each.id: each for each in states}, {place: ads})
    return run_auction(snapshot, context or Context(NOON, more_categories=["Pens"]), limit)


def test_the_highest_bid_wins_and_pays_the_next_one() -> None:
    winners, _ = run([(an_ad(1), 300_000), (an_ad(2), 500_000), (an_ad(3), 100_000)])
    assert [each.ad.id for each in winners] == [2, 1, 3]
    assert [each.price for each in winners] == [300_000, 100_000, FLOOR]


def test_the_last_position_is_priced_by_the_first_loser() -> None:
    winners, others = run([(an_ad(1), 300_000), (an_ad(2), 500_000)], limit=1)
    assert [(each.ad.id, each.price) for each in winners] == [(2, 300_000)]
    assert [(each.ad.id, each.lost) for each in others] == [(1, "outranked")]


def test_a_better_click_rate_beats_a_higher_bid_and_pays_less() -> None:
    liked, bold = an_ad(1, seen=(10_000, 600)), an_ad(2, seen=(10_000, 100))
    winners, _ = run([(liked, 200_000), (bold, 400_000)])
    assert [each.ad.id for each in winners] == [1, 2]
    assert winners[0].price < 200_000


def test_a_new_ad_ranks_above_a_typical_one() -> None:
    winners, _ = run([(an_ad(1, seen=(20_000, 400)), 300_000), (an_ad(2), 300_000)], limit=1)
    assert winners[0].ad.id == 2
    tried, _ = run([(an_ad(1, seen=(20_000, 400)), 300_000), (an_ad(2, seen=(500, 0)), 300_000)], limit=1)
    assert tried[0].ad.id == 1  # and loses it when nobody clicks


def test_an_irrelevant_ad_is_not_shown_at_any_bid() -> None:
    ignored = an_ad(1, seen=(50_000, 20))
    winners, others = run([(ignored, 100_000_000), (an_ad(2), 20_000)])
    assert [each.ad.id for each in winners] == [2]
    assert others[0].lost == "not relevant enough"


def test_the_better_target_counts() -> None:
    places = {
        TargetKey("product", "P1"): [(an_ad(1), 100_000)],
        TargetKey("keyword", "ink"): [(an_ad(2), 100_000)],
        TargetKey("category", "Pens"): [(an_ad(3), 100_000), (an_ad(1), 100_000)],
        TargetKey("category", "Office"): [(an_ad(4), 100_000)],
    }
    snapshot = Snapshot({number: state(number) for number in range(1, 5)}, places)
    winners, _ = run_auction(snapshot, Context(NOON, "P1", ["Office", "Pens"], (), ["ink"]), 10)
    assert [each.ad.id for each in winners] == [1, 2, 3, 4]
    assert winners[0].key == TargetKey("product", "P1")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "paused"}, "paused"),
        ({"status": "ended"}, "ended"),
        ({"starts": NOON + timedelta(seconds=1)}, "outside its dates"),
        ({"ends": NOON}, "outside its dates"),
        ({"total_left": FLOOR - 1}, "out of money"),
        ({"spent_today": 10_000_000 - FLOOR + 1}, "out of money"),
        ({"even": True, "spent_today": 5_100_001}, "ahead of its pace"),
        ({"even": True, "spent_today": 5_100_000 - FLOOR // 2 + 1}, "ahead of its pace"),
        ({"viewer_limit": 3}, "the viewer's limit is reached"),
    ],
)
def test_a_campaign_beyond_its_limits_is_not_shown_and_says_why(fields: dict[str, object], reason: str) -> None:
    context = Context(NOON, more_categories=["Pens"], seen={1: 3})
    winners, others = run([(an_ad(1), 300_000)], [state(1, **fields)], context=context)
    assert (winners, [each.lost for each in others]) == ([], [reason])


@pytest.mark.parametrize(
    "fields",
    [
        {"even": True, "spent_today": 5_100_000 - FLOOR // 2},
        {"viewer_limit": 4},
        {"ends": NOON + timedelta(seconds=1)},
    ],
)
def test_a_campaign_just_within_its_limits_is_shown(fields: dict[str, object]) -> None:
    context = Context(NOON, more_categories=["Pens"], seen={1: 3})
    winners, _ = run([(an_ad(1), 300_000)], [state(1, **fields)], context=context)
    assert len(winners) == 1


def test_a_viewer_limit_above_the_counted_impressions_holds() -> None:
    """Only CLIENT_IMPRESSIONS of a viewer count, so a higher limit would never be reached."""
    context = Context(NOON, more_categories=["Pens"], seen={1: CLIENT_IMPRESSIONS})
    winners, others = run([(an_ad(1), 300_000)], [state(1, viewer_limit=200)], context=context)
    assert (winners, [each.lost for each in others]) == ([], ["the viewer's limit is reached"])


def test_neither_the_product_itself_nor_a_negative_target_is_shown() -> None:
    ads = [(an_ad(1), 1_000_000), (an_ad(2, never="keyword gold"), 1_000_000), (an_ad(3), 20_000)]
    context = Context(NOON, "AD1", ["Pens"], (), ["gold"])
    winners, others = run(ads, context=context)
    assert [each.ad.id for each in winners] == [3]
    reasons = {each.ad.id: each.lost for each in others}
    assert reasons == {1: "is the product itself", 2: "has a negative target here"}


def test_one_ad_of_a_campaign_is_shown_and_it_does_not_bid_against_itself() -> None:
    winners, others = run([(an_ad(1, 7), 900_000), (an_ad(2, 7), 800_000), (an_ad(3, 8), 100_000)])
    assert [(each.ad.id, each.price) for each in winners] == [(1, 100_000), (3, FLOOR)]
    assert [each.lost for each in others] == ["another ad of its campaign ranks higher"]


def test_the_best_relevant_target_is_used() -> None:
    seldom = an_ad(1, seen=(10_000, 50))
    places = {
        TargetKey("category", "Office"): [
            (seldom, 1_000_000)
        ],  # the highest bid is on a target that is not relevant enough
        TargetKey("product", "P1"): [(seldom, 200_000), (an_ad(2), FLOOR - 1)],
        TargetKey("keyword", "ink"): [(an_ad(2), FLOOR + 1_000)],
    }
    snapshot = Snapshot({1: state(1), 2: state(2)}, places)
    winners, _ = run_auction(snapshot, Context(NOON, "P1", ["Office", "Pens"], (), ["ink"]), 10)
    assert {each.ad.id: each.key.kind for each in winners} == {1: "product", 2: "keyword"}


def test_an_ad_of_a_deleted_campaign_is_not_shown() -> None:
    winners, others = run([(an_ad(1), 900_000), (an_ad(2), 800_000)], [state(2)])
    assert [each.ad.id for each in winners] == [2]
    assert [each.lost for each in others] == ["its campaign is deleted"]


def test_a_product_is_shown_once_for_several_campaigns() -> None:
    rival = Ad(2, 2, "AD1", 0, 0, frozenset())
    winners, others = run([(an_ad(1), 900_000), (rival, 800_000), (an_ad(3), 100_000)])
    assert [(each.ad.id, each.price) for each in winners] == [(1, 100_000), (3, FLOOR)]
    assert [each.lost for each in others] == ["another campaign's ad of the product ranks higher"]


def test_a_bid_is_lowered_to_the_rest_of_the_budget() -> None:
    winners, _ = run([(an_ad(1), 900_000), (an_ad(2), 400_000)], [state(1, total_left=300_000), state(2)])
    assert [(each.ad.id, each.bid) for each in winners] == [(2, 400_000), (1, 300_000)]


def test_a_bid_of_an_even_campaign_is_limited_by_its_line() -> None:
    behind = state(1, even=True, spent_today=5_000_000)
    winners, _ = run([(an_ad(1), 900_000), (an_ad(2), 190_000)], [behind, state(2)])
    assert [(each.ad.id, each.bid) for each in winners] == [(1, 200_000), (2, 190_000)]


def test_a_bid_below_the_minimum_price_is_not_shown() -> None:
    winners, others = run([(an_ad(1), FLOOR - 1)])
    assert (winners, others[0].lost) == ([], "bids below the minimum price")


def test_ties_go_to_the_older_ad_every_time() -> None:
    ads = [(an_ad(number), 300_000) for number in (3, 1, 2)]
    assert [each.ad.id for each in run(ads)[0]] == [1, 2, 3]


def test_the_even_line_runs_through_the_campaigns_hours_ahead_by_the_lead() -> None:
    assert pace(state(1), NOON) == 5_100_000
    assert pace(state(1, starts=NOON - timedelta(hours=6)), NOON) == pytest.approx(10_000_000 / 3 + 100_000)
    assert pace(state(1, ends=NOON + timedelta(hours=4)), NOON) == 7_600_000
    assert pace(state(1), NOON + timedelta(hours=11, minutes=59)) == 10_000_000


def test_the_rest_of_the_total_budget_is_paced_too() -> None:
    assert pace(state(1, total_left=4_000_000), NOON) == 2_040_000
    assert pace(state(1, total_left=3_000_000, spent_today=1_000_000), NOON) == 2_040_000


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_click_rate_is_one(impressions: int, clicks: int) -> None:
    mean, optimistic = click_rate(impressions, clicks)
    assert 0 < mean <= 1
    assert optimistic >= mean


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(FLOOR, 2_000_000), st.integers(0, 5000), st.integers(0, 300)),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_an_auction_keeps_its_rules(drawn: list[tuple[int, int, int, int]], limit: int) -> None:
    ads = [
        (an_ad(number, campaign, (max(seen, clicks), clicks)), bid)
        for number, (campaign, bid, seen, clicks) in enumerate(drawn, 1)
    ]
    winners, others = run(ads, limit=limit)
    assert len(winners) <= limit
    assert {each.ad.id for each in winners + others} == {ad.id for ad, _ in ads}
    assert len({each.ad.campaign for each in winners}) == len(winners)
    scores = [each.score for each in winners]
    assert scores == sorted(scores, reverse=True)
    for winner, after in pairwise(winners):
        assert FLOOR <= winner.price <= winner.bid
        # At that price it still ranks at least as high as the next.
        assert winner.price * winner.rate * winner.fit >= after.score * (1 - 1e-9)
    assert all(each.lost for each in others)

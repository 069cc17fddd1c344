"""The parameters of the recommendations."""

from dataclasses import dataclass

# Parameters that may be 0, which turns their effect off.
MAY_BE_ZERO = frozenset({"activity", "shrinkage", "text", "recency", "trend"})


@dataclass(frozen=True, slots=True)
class Weights:
    """``evaluate_recommendations --tune`` chose the defaults, on the validation items of the Office reviews of 2014.

    ``popular_half_life``, ``neighbours`` and ``history`` were chosen by hand.
    """

    # For neighbours.
    activity: float = 0.25  # a reviewer of n products counts as 1 / n ** activity
    shrinkage: float = 5.0  # added to the norm, in reviewers of average weight
    text: float = 0.2  # weight of the texts' similarity; that of the reviewers has 1
    neighbours: int = 50  # stored per product
    # For a reviewer's list.
    history: int = 20  # latest reviewed products that it is based on
    recency: float = 0.7  # factor for each later product in the history
    trend: float = 2.0  # weight of the logarithm of a product's recent reviews
    half_life: float = 7.0  # days; for the trend
    # For popular products.
    popular_half_life: float = 90.0  # days; longer, so that one busy week does not decide

"""The parameters of the recommendations."""

from dataclasses import dataclass

# Parameters that may be 0, which turns their effect off.
MAY_BE_ZERO = frozenset(
    {"activity", "decay", "backward", "same_day", "shrinkage", "text", "text_shrinkage", "recency", "trend"}
)
# Parts of a whole.
AT_MOST_ONE = frozenset({"decay", "own"})


@dataclass(frozen=True, slots=True)
class Weights:
    """``evaluate_recommendations --tune`` chose the defaults, on the validation items of the Office reviews of 2014.

    ``popular_half_life``, ``neighbours``, ``history`` and ``most_of_a_leaf`` were chosen by hand.
    """

    # For neighbours.
    activity: float = 0.25  # a reviewer of n products counts as 1 / n ** activity
    window: int = 10  # reviews of a reviewer before and after each that count together with it
    decay: float = 0.9  # factor for each step between two reviews but the first
    backward: float = 0.5  # weight of a product that was reviewed earlier, where a later one has 1
    same_day: float = 0.75  # weight of a product that was reviewed on the same day
    own: float = 0.7  # exponent of a product's own reviewers in the norm; that of the other's is the rest to 1
    shrinkage: float = 10.0  # added to the norm, in reviewers of average weight
    text: float = 0.2  # weight of the texts' similarity; that of the reviews has 1
    text_shrinkage: float = 500.0  # added to the squared length of the texts' TF-IDF
    neighbours: int = 50  # stored per product
    # For a reviewer's list.
    history: int = 20  # latest reviewed products that it is based on
    recency: float = 0.6  # factor for each later product in the history
    trend: float = 2.0  # weight of the logarithm of a product's recent reviews
    half_life: float = 7.0  # days; for the trend
    # For every list but that of similar products.
    most_of_a_leaf: int = 3  # products of one leaf category in ten; 10 lifts the cap
    # For popular products.
    popular_half_life: float = 90.0  # days; longer, so that one busy week does not decide

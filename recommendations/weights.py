"""The numbers that make recommendations what they are."""

from dataclasses import dataclass

# Those that may be 0, which is to do without.
MAY_BE_ZERO = frozenset({"activity", "shrinkage", "text", "recency", "trend"})


@dataclass(frozen=True, slots=True)
class Weights:
    """``evaluate_recommendations --tune`` chose the defaults, on the validation items of the Office reviews of 2014.

    Chosen by hand are what is popular, and the numbers of neighbours and of products in a history.
    """

    # Of the neighbours.
    activity: float = 0.25  # a reviewer of n products counts as 1 / n ** activity
    shrinkage: float = 5.0  # added to the norm, in reviewers of average weight
    text: float = 0.2  # of the texts' similarity, where that of the reviewers counts 1
    neighbours: int = 50  # kept of each product
    # Of a reviewer's list.
    history: int = 20  # last reviewed products that it follows from
    recency: float = 0.7  # of a product, for each one that was reviewed after it
    trend: float = 2.0  # of the logarithm of a product's reviews of late; 0 is without
    half_life: float = 7.0  # days after which a review counts half as one of late
    # Of what is popular.
    popular_half_life: float = 90.0  # days; what many liked lately, and not for a week only

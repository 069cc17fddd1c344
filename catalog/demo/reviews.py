"""The reviewers of the demo shop, and their reviews."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.demo.products import DemoProduct
from catalog.demo.vocabulary import CLOSINGS, CONTEXTS, FIRST_NAMES, KINDS, LAST_NAMES, OPENINGS, SUMMARIES
from catalog.models import Review

# A fixed day, so that a seed makes the same shop every day.
END = int(datetime(2026, 10, 31, tzinfo=UTC).timestamp())
DAY = 86_400
YEARS = 3


@dataclass
class Reviewer:
    """A reviewer. ``kinds`` maps categories to weights; ``strictness`` is in stars."""

    id: str
    name: str
    kinds: dict[str, float]
    brands: set[str]
    strictness: float


def make_reviews(rng: random.Random, made: list[DemoProduct], reviewers: int) -> list[Review]:
    """Reviews by ``reviewers`` people in the order of time: five to forty by each, at most one per product."""
    by_kind: dict[str, list[DemoProduct]] = {}
    for each in made:
        by_kind.setdefault(each.kind.category, []).append(each)
    reviews: list[Review] = []
    for number in range(reviewers):
        reviews += _reviews_of(rng, _reviewer(rng, number, {each.product.brand for each in made}), by_kind)
    reviews.sort(key=lambda review: (review.unix_review_time, review.reviewer_id, review.product_id))
    return reviews


def _reviewer(rng: random.Random, number: int, brands: set[str]) -> Reviewer:
    kinds = [kind.category for kind in KINDS]
    weights = dict.fromkeys(kinds, 0.15)
    for favorite in rng.sample(kinds, rng.choice([2, 3, 3, 4])):
        weights[favorite] += rng.uniform(3, 8)
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    name = rng.choice(
        [f"{first} {last}", f"{first} {last[0]}.", first, f"{first[0]}. {last}", f"{first}{last[0]}{number % 97}"]
    )
    return Reviewer(
        f"RV{number:06d}", name, weights, set(rng.sample(sorted(brands), min(3, len(brands)))), rng.gauss(0, 0.4)
    )


def _reviews_of(rng: random.Random, reviewer: Reviewer, by_kind: dict[str, list[DemoProduct]]) -> list[Review]:
    count = min(5 + int(rng.expovariate(1 / 5.5)), 40)
    when = END - int(rng.uniform(0.05, 1) * YEARS * 365 * DAY)
    weights = {kind: weight for kind, weight in reviewer.kinds.items() if kind in by_kind}
    seen: set[str] = set()
    written: list[Review] = []
    next_kind = None
    for _ in range(count):
        kind = next_kind or rng.choices(list(weights), list(weights.values()))[0]
        # Things that go together are bought in sequence, such as toner after a printer.
        along = [each for each in by_kind[kind][0].kind.goes_with if each in by_kind]
        next_kind = rng.choice(along) if along and rng.random() < 0.35 else None
        choice = [each for each in by_kind[kind] if each.product.asin not in seen]
        if not choice:
            continue
        liking = [each.appeal * (4 if each.product.brand in reviewer.brands else 1) for each in choice]
        picked = rng.choices(choice, liking)[0]
        seen.add(picked.product.asin)
        when = min(END, when + int(rng.expovariate(1 / 45) * DAY))
        written.append(_review(rng, reviewer, picked, when // DAY * DAY))
    return written


def _review(rng: random.Random, reviewer: Reviewer, picked: DemoProduct, when: int) -> Review:
    fond = 0.4 if picked.product.brand in reviewer.brands else 0
    feeling = 4.3 + picked.quality - reviewer.strictness + fond + rng.gauss(0, 0.9)
    if rng.random() < 0.07:  # broken, or lost in the post
        feeling -= rng.uniform(1.5, 4.5)
    overall = max(1, min(5, round(feeling)))
    text = _text(rng, picked, overall)
    age = (END - when) / (YEARS * 365 * DAY)
    total = int(rng.expovariate(1 / (0.3 + 4 * age * len(text) / 300)))
    return Review(
        reviewer_id=reviewer.id,
        product_id=picked.product.asin,
        reviewer_name=reviewer.name,
        helpful_votes=sum(rng.random() < 0.8 for _ in range(total)),
        total_votes=total,
        review_text=text,
        overall=overall,
        summary=rng.choice(SUMMARIES[overall]).format(noun=picked.noun.lower()),
        unix_review_time=when,
    )


def _text(rng: random.Random, picked: DemoProduct, overall: int) -> str:
    good = rng.sample(picked.kind.good, len(picked.kind.good))
    bad = rng.sample(picked.kind.bad, len(picked.kind.bad))
    praise = {5: rng.choice([1, 2, 2]), 4: rng.choice([1, 2]), 3: 1, 2: rng.choice([0, 1]), 1: 0}[overall]
    gripes = {5: 0, 4: rng.choice([0, 1]), 3: 1, 2: rng.choice([1, 2]), 1: rng.choice([1, 2])}[overall]
    body = [f"{point}." for point in good[:praise]]
    if praise and gripes:
        body.append(
            rng.choice(["The one thing:", "On the other hand:", "Only this:", "But:"]) + f" {_lowered(bad[0])}."
        )
    else:
        body += [f"{point}." for point in bad[:gripes]]
    parts = [rng.choice(OPENINGS[overall]), *body]
    if rng.random() < 0.75:
        parts.insert(rng.choice([1, len(parts)]), rng.choice(CONTEXTS))
    if rng.random() < 0.65:
        parts.append(rng.choice(CLOSINGS[overall]))
    months = rng.choice(["a week", "two weeks", "a month", "two months", "three months", "half a year", "a year"])
    return " ".join(parts).format(noun=picked.noun.lower(), brand=picked.product.brand, months=months)


def _lowered(sentence: str) -> str:
    return sentence if sentence.startswith("I ") else sentence[0].lower() + sentence[1:]

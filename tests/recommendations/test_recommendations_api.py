"""The recommendations API, with the database up and down."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from catalog.models import Product
from catalog.rows import MAX_PAGE_BYTES
from recommendations import candidates
from tests.recommendations.conftest import review

pytestmark = pytest.mark.django_db(transaction=True)


def ask(client: Client, path: str) -> list[dict[str, Any]]:
    response = client.get(path)
    assert response.status_code == 200, response.content
    assert response["X-Data-Source"] == "live"
    found: list[dict[str, Any]] = response.json()
    return found


def asins(found: Iterable[dict[str, Any]]) -> list[str]:
    return [each["asin"] for each in found]


def test_similar_products_come_from_the_sources_in_order(client: Client, shop: None) -> None:
    found = ask(client, "/products/PEN0/recommendations?limit=31")
    assert found[0] | {"score": 0} == {
        "asin": "PEN1",
        "title": "Fountain pen 1",
        "description": "",
        "imUrl": "",
        "related": {},
        "salesRank": {},
        "categories": ["Office", "Pens"],
        "brand": "",
        "price": None,
        "listed": True,
        "in_stock": True,
        "rating": {"average": 5.0, "count": 3},
        "score": 0,
        "source": "co-reviewed",
        "because": "PEN0",
    }
    sources = [each["source"] for each in found]
    assert sources[1:10] == ["similar-text"] * 9
    assert (found[10]["asin"], found[10]["source"]) == ("CHAIR3", "related")
    assert (found[11]["asin"], found[11]["source"], found[11]["because"]) == ("CHAIR7", "popular", None)
    # All other products, each once.
    assert len(found) == len(set(asins(found))) == 30
    assert "PEN0" not in asins(found)


def test_a_product_without_reviews_has_recommendations(client: Client, shop: None) -> None:
    found = ask(client, "/products/INK/recommendations?limit=3")
    assert {each["source"] for each in found} == {"similar-text"}
    assert all(asin.startswith("PEN") for asin in asins(found))


def test_a_reviewer_gets_unseen_products_like_the_latest(client: Client, shop: None) -> None:
    review("zoe", "PEN2", day=15_000)
    review("zoe", "PEN4", day=15_001)
    found = ask(client, "/reviewers/zoe/recommendations?limit=30")
    assert [(each["asin"], each["because"]) for each in found[:2]] == [("PEN5", "PEN4"), ("PEN3", "PEN2")]
    assert not {"PEN2", "PEN4"} & set(asins(found))
    with_seen = ask(client, "/reviewers/zoe/recommendations?limit=31&include_seen=true")
    assert {"PEN2", "PEN4"} < set(asins(with_seen))
    assert len(with_seen) == 31


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reviewer", "path"),
    [
        ("z/oe", "z/oe"),
        ("z/oe", "z%2Foe"),
        ("/zoe/", "%2Fzoe%2F"),
        ("a/recommendations", "a%2Frecommendations"),
        ("z\noe", "z%0Aoe"),
    ],
)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_reviewer_id_with_a_slash_or_line_break_works(
    reviewer: str, path: str, end: str, client: Client, shop: None
) -> None:
    review(reviewer, "PEN2", day=15_000)
    assert ask(client, f"/reviewers/{path}/recommendations{end}")[0]["because"] == "PEN2"


def test_a_review_counts_as_soon_as_it_is_posted(client: Client, shop: None) -> None:
    review("zoe", "PEN2", day=15_000)
    assert ask(client, "/reviewers/zoe/recommendations")[0]["asin"] == "PEN3"
    review("zoe", "PEN9", day=15_001)
    assert ask(client, "/reviewers/zoe/recommendations")[0]["asin"] == "PEN8"


def test_an_unknown_reviewer_gets_popular_products(client: Client, shop: None) -> None:
    found = ask(client, "/reviewers/nobody/recommendations")
    assert found[0]["asin"] == "CHAIR7"
    assert {(each["source"], each["because"]) for each in found} == {("popular", None)}


def test_a_basket_needs_no_identity(client: Client, shop: None) -> None:
    body = {"asins": ["PEN6", "UNKNOWN", "PEN0"], "limit": 2, "exclude": ["PEN7"]}
    response = client.post("/recommendations", body, content_type="application/json")
    first, *_ = response.json()
    assert (first["asin"], first["because"]) == ("PEN1", "PEN0")
    assert not {"PEN0", "PEN6", "PEN7"} & set(asins(response.json()))
    alone = client.post("/recommendations", {"asins": ["UNKNOWN"]}, content_type="application/json")
    assert alone.json()[0]["source"] == "popular"


def test_popular_products_of_a_category(client: Client, shop: None) -> None:
    assert ask(client, "/recommendations/popular")[0]["asin"] == "CHAIR7"
    office = ask(client, "/recommendations/popular?category=Office&limit=20")
    assert len(office) == 11
    assert {each["categories"][0] for each in office} == {"Office"}
    assert ask(client, "/recommendations/popular?category=Nothing") == []


@pytest.mark.parametrize(
    "path", ["/products/PEN0/recommendations", "/reviewers/p0-0/recommendations", "/recommendations/popular"]
)
def test_category_and_exclude_apply_to_every_list(client: Client, shop: None, path: str) -> None:
    found = ask(client, f"{path}?category=Pens&exclude=PEN3,PEN5&limit=20")
    assert set(asins(found)) <= {f"PEN{number}" for number in (0, 1, 2, 4, 6, 7, 8, 9)}
    assert len(found) >= 6


def test_a_deleted_product_is_not_recommended(client: Client, shop: None) -> None:
    Product.objects.get(asin="PEN1").delete()
    assert "PEN1" not in asins(ask(client, "/products/PEN0/recommendations?limit=31"))


def test_recommendations_work_without_a_build(client: Client) -> None:
    Product.objects.create(asin="A", related={"also_bought": ["C"]})
    for asin in "BC":
        Product.objects.create(asin=asin)
    review("anna", "B")
    found = ask(client, "/products/A/recommendations")
    assert [(each["asin"], each["source"]) for each in found] == [("C", "related"), ("B", "popular")]
    assert asins(ask(client, "/reviewers/anna/recommendations")) == ["A", "C"]


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/products/PEN0/recommendations?limit=5", 3),
        ("/reviewers/p0-0/recommendations?limit=5&diverse=false", 5),
        # Most neighbours are pens, so that popular products follow.
        ("/reviewers/p0-0/recommendations?limit=5", 7),
        ("/recommendations/popular?limit=5", 4),
    ],
)
def test_a_list_takes_few_queries(
    client: Client, shop: None, path: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/recommendations/popular")  # cached for a minute
    with django_assert_num_queries(queries):
        client.get(path)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/products/PEN0/recommendations?limit=0", "limit"),
        ("/products/PEN0/recommendations?limit=101", "limit"),
        ("/products/PEN0/recommendations?exclude=A%20B", "exclude"),
        ("/products/PEN0/recommendations?category=", "category"),
        ("/products/P%20Q/recommendations", "asin"),
        ("/reviewers/a%00b/recommendations", "reviewerID"),
        ("/reviewers/anna/recommendations?include_seen=perhaps", "include_seen"),
        ("/recommendations/popular?limit=many", "limit"),
        (f"/recommendations/popular?exclude={','.join(['A'] * 101)}", "exclude"),
    ],
)
def test_what_cannot_be_used_is_named(client: Client, path: str, field: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert list(response.json()) == [field]


@pytest.mark.parametrize("body", [{}, {"asins": []}, {"asins": ["no asin"]}, {"asins": ["A"] * 101}])
def test_an_invalid_basket_is_refused(client: Client, body: dict[str, Any]) -> None:
    response = client.post("/recommendations", body, content_type="application/json")
    assert response.status_code == 400
    assert list(response.json()) == ["asins"]


def test_lists_are_full_while_the_catalogue_has_more(client: Client) -> None:
    for number in range(20):
        Product.objects.create(asin=f"PEN{number}", title="Pen", categories=["Office", "Pens"])
    # Without a build, and with products newer than the build.
    for category in ("Pens", "Office"):
        assert len(ask(client, f"/products/PEN0/recommendations?category={category}&limit=30")) == 19
        assert len(ask(client, f"/reviewers/x/recommendations?category={category}&limit=30")) == 20
        assert len(ask(client, f"/recommendations/popular?category={category}&limit=30")) == 20
    assert len(ask(client, "/recommendations/popular?limit=30")) == 20
    call_command("build_recommendations", verbosity=0)
    for number in range(15):
        Product.objects.create(asin=f"INK{number}", title="Ink", categories=["Office", "Ink"])
    assert len(ask(client, "/recommendations/popular?category=Ink&limit=30")) == 15
    assert len(ask(client, "/products/INK0/recommendations?category=Ink&limit=30")) == 14
    assert len(ask(client, "/recommendations/popular?limit=40")) == 35


def test_a_reviewer_of_all_popular_products_gets_the_rest(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "BATCHES", (10,))
    Product.objects.bulk_create(
        Product(asin=f"P{n}", title="Pen", categories=["Pens"], leaf_category="Pens") for n in range(60)
    )
    for number in range(50):
        review("fan", f"P{number}")
    for path in ("/reviewers/fan/recommendations?limit=20", "/reviewers/fan/recommendations?limit=20&category=Pens"):
        assert set(asins(ask(client, path))) == {f"P{n}" for n in range(50, 60)}


def test_the_leaf_category_of_the_product_comes_first(client: Client, shop: None) -> None:
    Product.objects.create(asin="NEW", title="Unheard of", categories=["Office", "Pens"])
    found = ask(client, "/products/NEW/recommendations?category=Office&limit=10")
    assert all("Pens" in each["categories"] for each in found)


def test_exclude_may_be_repeated(client: Client, shop: None) -> None:
    found = asins(ask(client, "/products/PEN0/recommendations?exclude=PEN1&exclude=PEN2,PEN3&limit=31"))
    assert not {"PEN1", "PEN2", "PEN3"} & set(found)
    assert len(found) == 27
    assert len(ask(client, "/products/PEN0/recommendations?exclude=&limit=31")) == 30


def test_an_unknown_product_is_404(client: Client, shop: None) -> None:
    assert client.get("/products/UNKNOWN/recommendations").status_code == 404


@pytest.mark.parametrize("path", ["/products/PEN0/recommendations", "/reviewers/p0-0/recommendations"])
def test_during_an_outage_answers_are_stale_or_popular_products(
    client: Client, shop: None, path: str, lose_database: Callable[[], None]
) -> None:
    before = client.get(path).json()
    client.get("/recommendations/popular")
    lose_database()
    stale = client.get(path)
    assert (stale["X-Data-Source"], stale.json()) == ("stale", before)
    other = client.get(f"{path}?limit=3&exclude=CHAIR7")
    assert other["X-Data-Source"] == "default"
    assert {each["source"] for each in other.json()} == {"popular"}
    assert "CHAIR7" not in asins(other.json())
    assert len(other.json()) == 3


def test_popular_products_are_cached_from_the_first_answer_on(
    client: Client, shop: None, lose_database: Callable[[], None]
) -> None:
    client.get("/products/PEN0/recommendations")
    lose_database()
    for path in ("/products/INK/recommendations", "/reviewers/x/recommendations", "/recommendations/popular"):
        answer = client.get(f"{path}?limit=5")
        assert (answer["X-Data-Source"], len(answer.json())) == ("default", 5)
    pens = client.get("/products/INK/recommendations?category=Pens").json()
    assert {each["categories"][-1] for each in pens} == {"Pens"}
    assert asins(client.get("/recommendations/popular?category=Nothing").json()) == ["UNAVAILABLE"]


def test_a_fallback_makes_no_query(client: Client, shop: None, lose_database: Callable[[], None]) -> None:
    lose_database()
    client.get("/products/PEN0/recommendations")
    (database, *_) = client.get("/breakers").json()
    assert (database["name"], database["answers"]["default"]) == ("database", 1)


def test_without_any_cached_answer_there_is_a_default_product(
    client: Client, lose_database: Callable[[], None]
) -> None:
    lose_database()
    for path in ("/products/PEN0/recommendations", "/reviewers/anna/recommendations", "/recommendations/popular"):
        response = client.get(path)
        assert (response.status_code, response["X-Data-Source"]) == (200, "default")
        assert asins(response.json()) == ["UNAVAILABLE"]


def test_a_product_links_its_recommendations(client: Client, shop: None) -> None:
    page = client.get("/products/PEN0", headers={"accept": "text/html"}).content.decode()
    for path in ("reviews", "recommendations"):
        assert f'href="http://testserver/products/PEN0/{path}"' in page


def test_lists_have_a_browsable_page(client: Client, shop: None) -> None:
    page = client.get("/products/PEN0/recommendations", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "co-reviewed" in page.content.decode()


@pytest.mark.parametrize("path", ["/products/P0/recommendations", "/recommendations/popular"])
def test_a_list_of_large_products_ends_early(client: Client, path: str) -> None:
    text = "x" * 100_000
    Product.objects.bulk_create([Product(asin=f"P{n}", description=text) for n in range(60)], batch_size=20)
    response = client.get(f"{path}?limit=50")
    assert response["X-Data-Source"] == "live"
    assert 0.7 * MAX_PAGE_BYTES < len(response.content) < 1.1 * MAX_PAGE_BYTES
    assert all(each["description"] == text for each in response.json())


@pytest.mark.parametrize("name", ["exclude", "asins"])
def test_an_index_in_a_form_that_is_no_number_of_python_is_a_400_that_names_the_list(name: str, client: Client) -> None:
    form = f"asins[0]=A&{name}[{'0' * 5000}]=A"
    answer = client.post("/recommendations", form, "application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()) == (400, {name: ["Not a valid index."]})

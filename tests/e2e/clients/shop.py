"""A shop on the clients that openapi-python-client makes of both services."""

import sys

from ad_provider_client.api.ads import choose_ads
from ad_provider_client.client import Client
from ad_provider_client.models import AdContextRequest
from recommender_client.api.ads import ads
from recommender_client.api.products import products_facets_retrieve, products_list, products_retrieve
from recommender_client.api.recommendations import similar_products
from recommender_client.api.reviews import products_reviews_list, reviews_create
from recommender_client.client import AuthenticatedClient
from recommender_client.models import Facets, Product, Review, ReviewRequest

recommender, ad_provider, token = sys.argv[1:]
shop = AuthenticatedClient(recommender, token, prefix="Token", raise_on_unexpected_status=True)

found = products_list.sync(client=shop, q="pen", limit=5, min_price=0.5)
assert isinstance(found, list)
facets = products_facets_retrieve.sync(client=shop, q="pen")
assert isinstance(facets, Facets)
assert facets.total
assert facets.total >= len(found) > 0

product = products_retrieve.sync(found[0].asin, client=shop)
assert isinstance(product, Product)
assert product.title.strip()
assert product.price is None or product.price >= 0.5
posted = reviews_create.sync(client=shop, body=ReviewRequest(asin=product.asin, overall=5, summary="From Python"))
assert isinstance(posted, Review)
reviews = products_reviews_list.sync(product.asin, client=shop)
assert isinstance(reviews, list)
assert posted.id in {review.id for review in reviews}
assert posted.product_id == product.asin

similar = similar_products.sync(product.asin, client=shop, limit=3)
assert isinstance(similar, list)
assert [each.source.upper() for each in similar if each.rating.count >= 0]
for shown in (
    ads.sync(client=shop, asin=product.asin, limit=2),
    choose_ads.sync(client=Client(ad_provider), body=AdContextRequest(asin=product.asin, limit=2)),
):
    assert isinstance(shown, list)
    assert [ad.sponsored or ad.click_url for ad in shown]

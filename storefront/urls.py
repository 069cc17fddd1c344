"""The paths of the shop's pages. Those of the API are their neighbours: /products, /reviews."""

from django.urls import path

from storefront import cart, product, reviews, views

app_name = "storefront"
urlpatterns = [
    path("", views.home, name="home"),
    path("search", views.search, name="search"),
    path("search/suggestions", views.suggestions, name="suggestions"),
    path("item/<str:asin>", product.product, name="product"),
    path("item/<str:asin>/review", reviews.write, name="write-review"),
    path("item/<str:asin>/review/delete", reviews.delete, name="delete-review"),
    path("item/<str:asin>/review/vote", reviews.vote, name="vote"),
    path("cart", cart.show, name="cart"),
    path("cart/add", cart.add, name="add-to-cart"),
    path("cart/change", cart.change, name="change-cart"),
]

from django.urls import path

from recommendations import views

urlpatterns = [
    path("products/<str:asin>/recommendations", views.SimilarView.as_view(), name="similar"),
    path("reviewers/<path:reviewerID>/recommendations", views.ReviewerView.as_view(), name="for-reviewer"),
    path("recommendations", views.BasketView.as_view(), name="for-products"),
    path("recommendations/popular", views.PopularView.as_view(), name="popular"),
]

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from recommendations import views


class ReviewerConverter(StringConverter):
    """Any text. Ids of imported reviewers may have slashes and line breaks."""

    regex = r"[\s\S]+"


register_converter(ReviewerConverter, "reviewer")

urlpatterns = [
    path("products/<str:asin>/recommendations", views.SimilarView.as_view(), name="similar"),
    path("reviewers/<reviewer:reviewerID>/recommendations", views.ReviewerView.as_view(), name="for-reviewer"),
    path("recommendations", views.BasketView.as_view(), name="for-products"),
    path("recommendations/popular", views.PopularView.as_view(), name="popular"),
]

from django.urls import path

from campaigns import tracking

urlpatterns = [
    path("ads/impression/<path:token>", tracking.impression, name="ad-impression"),
    path("ads/click/<path:token>", tracking.click, name="ad-click"),
]

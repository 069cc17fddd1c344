from django.urls import path

from campaigns import tracking

urlpatterns = [
    path("ads/impression/<str:token>", tracking.impression, name="ad-impression"),
    path("ads/click/<str:token>", tracking.click, name="ad-click"),
]

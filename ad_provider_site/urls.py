from django.urls import include, path

from ad_provider_site import views

urlpatterns = [
    path("ads", views.AdsView.as_view(), name="ads"),
    path("", include("service.urls")),
]

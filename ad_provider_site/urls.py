from django.contrib import admin
from django.urls import include, path

from ad_provider_site import views
from service import errors

admin.site.site_header = admin.site.site_title = "Ad provider"

handler400, handler403 = errors.bad_request, errors.forbidden
handler404, handler500 = errors.not_found, errors.server_error

urlpatterns = [
    path("", views.home, name="home"),
    path("ads", views.AdsView.as_view(), name="ads"),
    path("", include("campaigns.urls")),
    path("", include("service.urls")),
]

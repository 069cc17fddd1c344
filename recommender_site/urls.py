from django.contrib import admin
from django.urls import include, path

from catalog.demo.views import picture
from recommender_site import views
from service import errors

admin.site.site_header = admin.site.site_title = "Recommender"

handler400, handler403 = errors.bad_request, errors.forbidden
handler404, handler500 = errors.not_found, errors.server_error

urlpatterns = [
    path("", include("storefront.urls")),
    path("about", views.about, name="about"),
    path("", include("catalog.urls")),
    path("", include("recommendations.urls")),
    path("ads", views.AdsView.as_view(), name="ads"),
    path("sabotage-db", views.SabotageDatabaseView.as_view(), name="sabotage-db"),
    path("sabotage-ad-server", views.SabotageAdServerView.as_view(), name="sabotage-ad-server"),
    path("pictures/<str:name>.svg", picture, name="picture"),
    path("", include("service.urls")),
]

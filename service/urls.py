"""The paths of both services."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView

from service import views
from service.redoc import RedocView

urlpatterns = [
    path("favicon.ico", views.favicon, name="favicon"),
    path("livez", views.LiveView.as_view(), name="livez"),
    path("readyz", views.ReadyView.as_view(), name="readyz"),
    path("metrics", views.MetricsView.as_view(), name="metrics"),
    path("status", views.status, name="status"),
    path("breakers", views.BreakersView.as_view(), name="breakers"),
    path("breakers/<str:name>", views.BreakerView.as_view(), name="breaker"),
    path("schema", views.SchemaView.as_view(), name="schema"),
    path("openapi.json", views.SchemaView.as_view(renderer_classes=[OpenApiJsonRenderer2]), name="openapi"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="schema",
            template_name="service/docs.html",
            authentication_classes=[],
            permission_classes=[],
            http_method_names=["get", "head"],
        ),
        name="docs",
    ),
    path("redoc", RedocView.as_view(url_name="openapi"), name="redoc"),
    path("admin/", admin.site.urls),
    path("accounts/", include("rest_framework.urls")),
]

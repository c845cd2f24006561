"""Every address that Django serves; the two lanes of asgi.py come before."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from inscrit.api.urls import api
from inscrit.monitoring import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", include("inscrit.pages.urls")),
]

handler500 = "inscrit.pages.errors.failure"

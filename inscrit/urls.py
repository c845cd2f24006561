"""Every address that Django serves; the two lanes of asgi.py come before."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from inscrit.api.urls import api
from inscrit.monitoring import health
from inscrit.outgoing.api import router as webhook_endpoints
from inscrit.outgoing.described import WEBHOOKS

api.add_router("/v1/webhook-endpoints", webhook_endpoints)
api.webhooks.update(WEBHOOKS)


def no_way_on(_request: HttpRequest, _rest: str) -> HttpResponse:
    """Django's admin would send any of the staff to a registration's page, with its token.

    All of its addresses are closed: it takes "+18" and " 18" for a number, too.
    """
    raise Http404


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("admin/r/<path:_rest>", no_way_on),
    path(
        "admin/password_reset/",
        RedirectView.as_view(pattern_name="people:new-password"),
        name="admin_password_reset",
    ),
    path("admin/checkin/", include("inscrit.checkin.views")),
    path("admin/desk/", include("inscrit.desk.urls")),
    path("admin/", admin.site.urls),
    path("account/", include("inscrit.people.urls")),
    path("api/", api.urls),
    path("", include("inscrit.pages.urls")),
]

handler500 = "inscrit.pages.errors.failure"

"""The desk's own pages, for staff who are signed in."""

from django.contrib import admin
from django.urls import path

from .attendance import attendance
from .exporting import download
from .preview import preview

app_name = "desk"
signed_in = admin.site.admin_view

urlpatterns = [
    path("events/<slug:event_id>/attendance", signed_in(attendance), name="attendance"),
    path("events/<slug:event_id>/preview", signed_in(preview), name="preview"),
    path("export/<str:lines>.<str:form>", signed_in(download), name="export"),
]

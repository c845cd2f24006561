"""A person's own account."""

from django.urls import URLPattern, path

from . import views

app_name = "people"
urlpatterns: list[URLPattern] = [
    path("new-password/", views.AskForLink.as_view(), name="new-password"),
    path("new-password/sent/", views.LinkSent.as_view(), name="link-sent"),
    path("password/<uidb64>/<token>/", views.SetPassword.as_view(), name="set-password"),
    path("second-factor/", views.second_factor_page, name="second-factor"),
    path("second-factor/set-up/", views.set_up, name="set-up"),
    path("second-factor/recovery-codes/", views.recovery_codes, name="recovery-codes"),
    path("second-factor/remove/", views.remove, name="remove"),
]

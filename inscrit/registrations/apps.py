from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RegistrationsConfig(AppConfig):
    name = "inscrit.registrations"
    verbose_name = _("Registrations")

    def ready(self) -> None:
        from . import naming  # noqa: F401 - a way to look for names

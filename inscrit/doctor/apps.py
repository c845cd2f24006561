from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DoctorConfig(AppConfig):
    name = "inscrit.doctor"
    verbose_name = _("Set-up")

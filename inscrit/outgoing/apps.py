from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutgoingConfig(AppConfig):
    name = "inscrit.outgoing"
    verbose_name = _("Webhooks to other programs")

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "inscrit.mail"
    verbose_name = _("Mail")

    def ready(self) -> None:
        from . import own_kinds

        own_kinds.register()

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """Last of the installed apps: when its turn comes, every permission is there."""

    name = "inscrit.people"
    verbose_name = _("People")

    def ready(self) -> None:
        from . import passwords, roles

        post_migrate.connect(roles.keep_right, sender=self)
        passwords.teach_the_outbox()

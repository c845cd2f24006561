from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReconciliationConfig(AppConfig):
    name = "inscrit.reconciliation"
    verbose_name = _("Reconciliation")

    def ready(self) -> None:
        from inscrit.monitoring import totals

        from .findings import Kind

        totals.DIFFERENCES.extend(Kind)

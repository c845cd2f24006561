from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "inscrit.payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        from inscrit.monitoring import totals
        from inscrit.registrations.lifecycle import REFUND_REASONS

        from .models import Refund

        totals.REFUND_REASONS.extend((*REFUND_REASONS, Refund.OUTSIDE))

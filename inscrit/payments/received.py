"""Money that is ours, for sums in the database: what came, less what went back.

That is the amount agreed, but where a person accepted a payment of another one. As
``Registration.received`` has it for one registration.
"""

from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Least

from inscrit.registrations.models import PaymentMethod

from .models import Dispute, DisputeState, Payment, PaymentState


def kept() -> Coalesce:
    """Of a registration that was paid."""
    lost = Dispute.objects.filter(payment=OuterRef("pk"), status=DisputeState.LOST).order_by()
    by_bank = lost.values("payment").annotate(money=Sum("amount")).values("money")
    back = F("refunded") + Coalesce(Subquery(by_bank, output_field=BigIntegerField()), 0)
    other = _of_another_amount().annotate(kept=F("amount") - Least(F("amount"), back))
    return Coalesce(
        Subquery(other.values("kept")),
        F("amount") - F("amount_refunded"),
        output_field=BigIntegerField(),
    )


def currency() -> Coalesce:
    return Coalesce(Subquery(_of_another_amount().values("currency")), F("currency"))


def _of_another_amount() -> QuerySet[Payment]:
    """The payment a registration stands on, or stood on, if it is not of the amount agreed."""
    come = Payment.objects.filter(status=PaymentState.SUCCEEDED).order_by()
    more = come.filter(registration=OuterRef("registration")).exclude(pk=OuterRef("pk"))
    stood = ~Exists(more) & Q(registration__payment_method=PaymentMethod.STRIPE)
    of_it = come.filter(Q(settles=True) | stood, registration=OuterRef("pk"))
    return of_it.exclude(amount=OuterRef("amount"), currency=OuterRef("currency")).order_by(
        "-settles"
    )[:1]

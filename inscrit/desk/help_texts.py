"""What a registration's status means, and what a secretary can do then."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inscrit.registrations.models import PaymentMethod, Registration, RegistrationStatus

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

Is = RegistrationStatus
HELP: dict[str, Promise] = {
    Is.PENDING: _(
        "The places are held while the family pays. If they do not pay in time, the places come"
        " free by themselves. There is nothing to do."
    ),
    Is.PROCESSING: _(
        "The bank is making the payment, which takes some days. The places stay held, and Inscrit"
        " is told by itself."
    ),
    Is.PAID: _(
        "All is well: the family is expected. You can give money back, move the registration to"
        " another event, or cancel it."
    ),
    Is.FREE: _("All is well: there is nothing to pay, and the family is expected."),
    Is.EXPIRED: _(
        "It was not paid in time, and its places are free again. The family can register anew. If"
        " a payment comes all the same, Inscrit does what the event’s page says."
    ),
    Is.FAILED: _("The bank refused the payment, and its places are free again. Nothing is owed."),
    Is.CANCELLED: _("It holds no place any more. What was paid, and what went back, stands below."),
    Is.REFUNDED: _("All its money went back, and its places are free again."),
}
BY_HAND = _(
    "The places are held until the date below. Press “The money has come: mark paid” when you have"
    " it; until then nobody is told that the registration is confirmed."
)


def help_for(registration: Registration) -> Promise:
    by_hand = registration.payment_method != PaymentMethod.STRIPE and bool(registration.amount)
    if by_hand and registration.status == Is.PENDING:
        return BY_HAND
    return HELP[registration.status]


def panel(request: HttpRequest, registration: Registration) -> "SafeString":
    context = {"registration": registration, "help": help_for(registration)}
    return render_to_string("desk/status.html", context, request)

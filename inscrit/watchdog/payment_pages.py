"""Whether those who want to pay get to Stripe's page at all."""

from datetime import timedelta
from itertools import takewhile

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from inscrit import config
from inscrit.mail import services as mail
from inscrit.payments.models import CheckoutSession, SessionStatus

LATELY = timedelta(minutes=15)
# One may be a moment without a network.
SEVERAL, MOST = 2, 100


def tell_if_nobody_can_pay() -> None:
    """Tell the organiser, once a day, if none of the last pages asked for could be opened.

    One buyer alone may be one whose address Stripe refuses.
    """
    tried = CheckoutSession.objects.filter(created_at__gte=timezone.now() - LATELY)
    answered = tried.exclude(status=SessionStatus.OPENING).order_by("-pk")
    last = answered.values_list("status", "registration__contact_email")[:MOST]
    in_vain = {email for _, email in takewhile(lambda one: one[0] == SessionStatus.FAILED, last)}
    if len(in_vain) < SEVERAL:
        return
    with translation.override(config.current().language_code), transaction.atomic():
        mail.alert("no payment pages", _("Nobody can pay by card at the moment"), _text())


def _text() -> str:
    paragraphs = (
        _(
            "Somebody wanted to pay, more than once, and Stripe opened no payment page. Their"
            " places were given back, and they were asked to try again in a moment."
        ),
        _(
            "Most often Stripe’s key was replaced or deleted, the account may take no payments, or"
            " Stripe can’t be reached. Whoever looks after this installation is told which by the"
            " page “Set-up” of the admin, or by the command inscrit doctor."
        ),
        _("Until it works, cheque, cash or transfer can be offered on the event’s page."),
    )
    return "\n\n".join(paragraphs)

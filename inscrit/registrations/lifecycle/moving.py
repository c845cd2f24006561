"""A registration is given places at another event: the one loses what the other gains.

Money does not move, so it goes only where the same places cost the same. Nobody is moved who may be
at Stripe's page at this moment: it shows the event that was chosen.
"""

from msgspec.structs import replace

from .decision import Decision, applied, refused
from .state import Offer, Registration
from .words import CONFIRMED, HOLDING, MailKind, PaymentMethod, Reason, Status


def moved(registration: Registration, offer: Offer, destination: Offer | None) -> Decision:
    """``destination`` is None where there is no such event."""
    if destination is None or destination.event_id == offer.event_id or destination.cancelled:
        return refused(registration, offer, Reason.MOVE_TO_NOWHERE)
    if reason := _why_not(registration, offer, destination):
        return refused(registration, offer, reason)
    after = replace(registration, event_id=destination.event_id)
    return applied(
        after,
        offer.without(registration),
        Reason.MOVED,
        mails=(MailKind.MOVED,),
        destination=destination.having(after),
    )


def _why_not(registration: Registration, offer: Offer, destination: Offer) -> Reason | None:
    if registration.status not in HOLDING | CONFIRMED:
        return Reason.MOVE_WITHOUT_PLACE
    if _may_be_paying(registration):
        return Reason.MOVE_WHILE_PAYING
    if offer.cancelled:  # its money is on the way back
        return Reason.MOVE_OUT_OF_CANCELLED
    if not destination.costs(registration):
        return Reason.MOVE_TO_OTHER_PRICE
    return None if destination.seats(registration) else Reason.MOVE_WITHOUT_ROOM


def _may_be_paying(registration: Registration) -> bool:
    by_card = registration.method is PaymentMethod.STRIPE
    return registration.can_be_paid or (registration.status is Status.PENDING and by_card)

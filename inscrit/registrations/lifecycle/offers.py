"""A place that came free is offered to somebody on the waiting list.

Until the time that was promised is over, nothing but the person's own word, a payment or the
event's end takes it away: somebody may open the payment page and leave it as often as they like.
"""

from msgspec.structs import replace

from .decision import Decision, applied, duplicate, nothing_to_change, refused
from .facts import OfferAccepted
from .state import Offer, Registration
from .words import MailKind, Reason, Status


def offer_accepted(registration: Registration, offer: Offer, _fact: OfferAccepted) -> Decision:
    if registration.status is Status.FREE:
        return duplicate(registration, offer)
    if registration.status is not Status.PENDING or registration.amount or registration.cancelling:
        return refused(registration, offer, Reason.NOTHING_TO_CHANGE)
    taken = replace(registration, status=Status.FREE)
    return applied(taken, offer, Reason.OFFER_ACCEPTED, mails=(MailKind.CONFIRMED,))


def still_offered(registration: Registration, offer: Offer, session: str | None) -> Decision:
    """Its payment page has closed, and may be opened again."""
    if session is None or registration.open_session != session:
        return nothing_to_change(registration, offer)
    return applied(registration, offer, Reason.OFFER_STANDS)


def lapsed(registration: Registration, offer: Offer) -> Decision:
    """Nobody paid in time; the person is told, and in which words depends on how they came."""
    expired = replace(registration, status=Status.EXPIRED)
    if registration.offered:
        return applied(expired, offer, Reason.OFFER_LAPSED, mails=(MailKind.OFFER_LAPSED,))
    return applied(expired, offer, Reason.SESSION_EXPIRED, mails=(MailKind.EXPIRED,))

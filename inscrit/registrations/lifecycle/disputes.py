"""A buyer complains at the bank: an inquiry, or money that is taken back until it is decided.

https://docs.stripe.com/disputes/how-disputes-work
"""

from msgspec.structs import replace

from .cancelling import sent_back_whole
from .decision import Decision, applied, duplicate
from .facts import DisputeChanged
from .refunds import given_back, taken_back
from .state import Dispute, Offer, Payment, Registration
from .words import INQUIRIES, OPEN_DISPUTE, LostDispute, MailKind, PaymentStatus, Reason, Status
from .words import DisputeStatus as Is

# Events of one dispute come in any order: it never goes back. An inquiry may become a dispute.
PROGRESS = {
    Is.WARNING_NEEDS_RESPONSE: 0,
    Is.WARNING_UNDER_REVIEW: 1,
    Is.WARNING_CLOSED: 2,
    Is.NEEDS_RESPONSE: 3,
    Is.UNDER_REVIEW: 4,
    Is.APPEAL_NEEDS_RESPONSE: 5,
    Is.APPEAL_UNDER_REVIEW: 6,
    Is.LOST: 7,
    Is.PREVENTED: 7,
    Is.WON: 8,  # also after an appeal against a lost one
}
GOOD_ENDS = {
    Is.WARNING_CLOSED: Reason.DISPUTE_CLOSED,
    Is.PREVENTED: Reason.DISPUTE_CLOSED,
    Is.WON: Reason.DISPUTE_WON,
}


def dispute_changed(registration: Registration, offer: Offer, fact: DisputeChanged) -> Decision:
    payment = registration.payment(fact.payment) or Payment(
        fact.payment, PaymentStatus.PROCESSING, 0, registration.currency
    )
    known = next((one for one in payment.disputes if one.id == fact.dispute), None)
    if known and PROGRESS[fact.status] <= PROGRESS[known.status]:
        return duplicate(registration, offer)
    payment = payment.with_dispute(Dispute(fact.dispute, fact.status, fact.amount))
    after = registration.with_payment(payment)
    if fact.status in GOOD_ENDS:
        return _ended_well(after, offer, payment, GOOD_ENDS[fact.status])
    if fact.status is Is.LOST:
        return _lost(after, offer, payment)
    reason = Reason.DISPUTE_INQUIRY if fact.status in INQUIRIES else Reason.DISPUTE_OPENED
    return applied(_looked_at(after, reason), offer, reason)


def _looked_at(registration: Registration, reason: Reason | None) -> Registration:
    """What was flagged of a dispute before is over; anything else stays flagged."""
    if registration.review in (None, *OPEN_DISPUTE):
        return replace(registration, review=reason)
    return registration


def _ended_well(
    registration: Registration, offer: Offer, payment: Payment, reason: Reason
) -> Decision:
    """No money went, or it came back; of a cancelled event it goes on to the buyer."""
    after = taken_back(_looked_at(registration, None), offer, payment)
    if not offer.cancelled or after.status not in (Status.CANCELLED, Status.EXPIRED, Status.FAILED):
        return applied(after, offer, reason)
    after, refunds = sent_back_whole(after, Reason.EVENT_CANCELLED)
    return applied(after, offer, reason, refunds=refunds)


def _lost(registration: Registration, offer: Offer, payment: Payment) -> Decision:
    """The buyer has the money for good; whether the places go too is the event's policy."""
    reason = Reason.DISPUTE_LOST
    if payment.status is not PaymentStatus.SUCCEEDED:
        return applied(registration, offer, reason)  # counted when the payment arrives
    if offer.lost_dispute is LostDispute.REVIEW:
        return applied(_looked_at(registration, reason), offer, reason)
    decision = given_back(_looked_at(registration, None), offer, payment, reason)
    return replace(decision, mails=(*decision.mails, MailKind.ORGANISER_REVIEW))

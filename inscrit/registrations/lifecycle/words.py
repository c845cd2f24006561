"""The words of a registration: what stands in the database, the API and the log."""

from enum import StrEnum


class Status(StrEnum):
    """What a registration can be; the words of the public API."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    PAID = "PAID"
    FREE = "FREE"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


HOLDING = frozenset({Status.PENDING, Status.PROCESSING})
CONFIRMED = frozenset({Status.PAID, Status.FREE})
LAPSED = frozenset({Status.EXPIRED, Status.FAILED})


class PaymentStatus(StrEnum):
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundStatus(StrEnum):
    """``ordered``: wished, and not yet known to Stripe; then as Stripe says."""

    ORDERED = "ordered"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


# https://docs.stripe.com/api/refunds/object#refund_object-status
REFUND_STATES = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


class DisputeStatus(StrEnum):
    """https://docs.stripe.com/api/disputes/object#dispute_object-status"""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


# No money has moved so far.
INQUIRIES = frozenset({DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.WARNING_UNDER_REVIEW})
# The bank has the disputed money until it is decided.
WITHDRAWN = frozenset(
    {
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.APPEAL_NEEDS_RESPONSE,
        DisputeStatus.APPEAL_UNDER_REVIEW,
    }
)
UNDECIDED = INQUIRIES | WITHDRAWN


class LatePayment(StrEnum):
    """What an event does with money that arrives after the places were freed."""

    RESEAT_OR_REFUND = "reseat_or_refund"
    REFUND = "refund"
    REVIEW = "review"


class LostDispute(StrEnum):
    """What an event does with the places of who got the money back through the bank."""

    FREE_PLACES = "free_places"
    REVIEW = "review"


class PaymentMethod(StrEnum):
    """``stripe`` pays online; whatever else is marked paid by hand."""

    STRIPE = "stripe"
    CHEQUE = "cheque"
    CASH = "cash"
    TRANSFER = "transfer"


class Resolution(StrEnum):
    """What a person decided on a registration that had to be looked at."""

    ACCEPT = "accept"
    REFUND = "refund"
    IGNORE = "ignore"


class Outcome(StrEnum):
    """What became of a fact; the words of the Stripe inbox."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    REJECTED = "rejected"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a decision was taken: a stable code, kept in the journal and the inbox."""

    REGISTERED = "registered"
    FREE_OF_CHARGE = "free_of_charge"
    PLACE_OFFERED = "place_offered"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_TAKEN = "offer_taken"
    OFFER_STANDS = "offer_stands"
    OFFER_LAPSED = "offer_lapsed"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_UNDER_WAY = "payment_under_way"
    PAYMENT_ATTEMPT_FAILED = "payment_attempt_failed"
    DELAYED_PAYMENT_FAILED = "delayed_payment_failed"
    SESSION_EXPIRED = "session_expired"
    SESSION_COMPLETED = "session_completed"
    OLDER_SESSION = "older_session"
    CHECKOUT_UNAVAILABLE = "checkout_unavailable"
    MARKED_PAID = "marked_paid"
    CANCELLATION_REQUESTED = "cancellation_requested"
    CANCELLED_BY_REQUEST = "cancelled_by_request"
    EVENT_CANCELLED = "event_cancelled"
    CANCELLED_WITHOUT_REFUND = "cancelled_without_refund"
    LATE_PAYMENT_RESEATED = "late_payment_reseated"
    LATE_PAYMENT_REFUNDED = "late_payment_refunded"
    LATE_PAYMENT_REVIEW = "late_payment_review"
    SECOND_PAYMENT_REFUNDED = "second_payment_refunded"
    REFUND_REQUESTED = "refund_requested"
    REFUND_RECEIVED = "refund_received"
    REFUND_UNDER_WAY = "refund_under_way"
    REFUND_FAILED = "refund_failed"
    MONEY_GIVEN_BACK = "money_given_back"
    DISPUTE_INQUIRY = "dispute_inquiry"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_CLOSED = "dispute_closed"
    MOVED = "moved"
    CONTACT_CORRECTED = "contact_corrected"
    REVIEW_ACCEPTED = "review_accepted"
    REVIEW_REFUNDED = "review_refunded"
    REVIEW_IGNORED = "review_ignored"
    ALREADY_RECORDED = "already_recorded"
    NOTHING_TO_CHANGE = "nothing_to_change"
    AMOUNT_MISMATCH = "amount_mismatch"
    WRONG_MODE = "wrong_mode"
    OTHER_REGISTRATION = "other_registration"
    NOT_PAID_BY_CHEQUE = "not_paid_by_cheque"
    NO_PLACE_LEFT = "no_place_left"
    NOTHING_TO_REFUND = "nothing_to_refund"
    NOTHING_BY_HAND = "nothing_by_hand"
    NOTHING_TO_REVIEW = "nothing_to_review"
    NOTHING_TO_ACCEPT = "nothing_to_accept"
    ACCEPT_OTHER_CURRENCY = "accept_other_currency"
    MOVE_WITHOUT_PLACE = "move_without_place"
    MOVE_WHILE_PAYING = "move_while_paying"
    MOVE_OUT_OF_CANCELLED = "move_out_of_cancelled"
    MOVE_TO_NOWHERE = "move_to_nowhere"
    MOVE_TO_OTHER_PRICE = "move_to_other_price"
    MOVE_TO_OTHER_OPTIONS = "move_to_other_options"
    MOVE_WITHOUT_ROOM = "move_without_room"


# Flags of a dispute that is seen on its payment: they go by themselves once it is decided.
OPEN_DISPUTE = (Reason.DISPUTE_INQUIRY, Reason.DISPUTE_OPENED)


# Why money is ordered back.
REFUND_REASONS = (
    Reason.CANCELLED_BY_REQUEST,
    Reason.EVENT_CANCELLED,
    Reason.LATE_PAYMENT_REFUNDED,
    Reason.SECOND_PAYMENT_REFUNDED,
    Reason.REFUND_REQUESTED,
    Reason.REVIEW_REFUNDED,
)


class MailKind(StrEnum):
    # Places are held, and it is still to be paid.
    REGISTERED = "registered"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    PAYMENT_FAILED = "payment_failed"
    LATE_REFUNDED = "late_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    PLACE_OFFERED = "place_offered"
    OFFER_LAPSED = "offer_lapsed"
    MOVED = "moved"
    # To the organiser: a person has to look, or should know.
    ORGANISER_REVIEW = "organiser_review"

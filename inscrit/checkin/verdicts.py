"""Whether somebody may come in: values in, a verdict out."""

from enum import StrEnum

from inscrit.registrations.lifecycle import CONFIRMED, Status


class Verdict(StrEnum):
    """What is said at the entrance; also the codes of the API."""

    WELCOME = "welcome"
    ALREADY = "already"
    WRONG_EVENT = "wrong_event"
    NOT_PAID = "not_paid"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


REFUSALS = {Status.CANCELLED: Verdict.CANCELLED, Status.REFUNDED: Verdict.REFUNDED}


def refusal(status: str, *, is_here: bool) -> Verdict | None:
    """Why a registration of this status does not come in; ``is_here``: it is for this event."""
    if not is_here:
        return Verdict.WRONG_EVENT
    if status in CONFIRMED:
        return None
    return REFUSALS.get(Status(status), Verdict.NOT_PAID)

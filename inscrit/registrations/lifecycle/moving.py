"""A registration is given places at another event: the one loses what the other gains.

Money does not move, so it goes only where the same places cost the same. Where there are price
options, each is exchanged for one of the same name at the price that was agreed. Nobody is moved
who may be at Stripe's page at this moment: it shows the event that was chosen.
"""

from collections import Counter

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
    exchanged = _counterparts(registration, offer, destination)
    after = _exchange(registration, destination, exchanged)
    return applied(
        after,
        offer.without(registration),
        Reason.MOVED,
        mails=(MailKind.MOVED,),
        destination=destination.having(after),
        exchanged=tuple(sorted(exchanged.items())),
    )


def _counterparts(registration: Registration, offer: Offer, there: Offer) -> dict[str, str]:
    """Of its price options those that have one like it there, and which that is."""
    names = {option.id: option.name for option in offer.options}
    found = {(one.name, one.price): one.id for one in there.options if one.active}
    like = {id_: found.get((names[id_], price)) for id_, price in registration.prices}
    return {id_: other for id_, other in like.items() if other is not None}


def _exchange(registration: Registration, there: Offer, new: dict[str, str]) -> Registration:
    places, prices = Counter[str](), dict(registration.prices)
    for id_, count in registration.options:
        places[new[id_]] += count
    return replace(
        registration,
        event_id=there.event_id,
        options=tuple(sorted(places.items())),
        prices=tuple(sorted({new[id_]: prices[id_] for id_ in new}.items())),
    )


def _why_not(registration: Registration, offer: Offer, destination: Offer) -> Reason | None:
    if registration.status not in HOLDING | CONFIRMED:
        return Reason.MOVE_WITHOUT_PLACE
    if _may_be_paying(registration):
        return Reason.MOVE_WHILE_PAYING
    if offer.cancelled:  # its money is on the way back
        return Reason.MOVE_OUT_OF_CANCELLED
    if reason := _price_differs(registration, offer, destination):
        return reason
    exchanged = _counterparts(registration, offer, destination)
    has_room = destination.seats(_exchange(registration, destination, exchanged))
    return None if has_room else Reason.MOVE_WITHOUT_ROOM


def _price_differs(registration: Registration, offer: Offer, there: Offer) -> Reason | None:
    if registration.currency != there.currency:
        return Reason.MOVE_TO_OTHER_PRICE
    if not registration.options and not there.has_options:
        return None if there.costs(registration) else Reason.MOVE_TO_OTHER_PRICE
    kept = _counterparts(registration, offer, there)
    if registration.options and all(id_ in kept for id_, _ in registration.options):
        return None
    return Reason.MOVE_TO_OTHER_OPTIONS


def _may_be_paying(registration: Registration) -> bool:
    by_card = registration.method is PaymentMethod.STRIPE
    return registration.can_be_paid or (registration.status is Status.PENDING and by_card)

"""What the code words of the journal and the inbox mean, in sentences for staff.

A secretary is no engineer: a sentence says what happened, and where a registration is flagged for
a person, also what to do about it. The code word stands small beside it, for whoever asks for help.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from .lifecycle import Reason

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Explanation:
    """``todo`` is what a person is asked to do; None where nothing has to be done."""

    what: Promise | str
    todo: Promise | None = None


E = Explanation

REASONS: dict[str, Explanation] = {
    Reason.REGISTERED: E(_("Registered. The places are held until the payment arrives.")),
    Reason.FREE_OF_CHARGE: E(_("Registered, and confirmed at once: there is nothing to pay.")),
    Reason.PLACE_OFFERED: E(
        _("From the waiting list: places came free, and are kept until the offer ends.")
    ),
    Reason.OFFER_ACCEPTED: E(
        _("The offer from the waiting list was accepted: there is nothing to pay.")
    ),
    Reason.OFFER_TAKEN: E(
        _("The offer from the waiting list was taken. It is paid by hand: the money is awaited.")
    ),
    Reason.OFFER_STANDS: E(
        _("The payment page was left and has closed. The offer from the waiting list still stands.")
    ),
    Reason.OFFER_LAPSED: E(
        _("The offer from the waiting list was not taken in time. The places go to the next.")
    ),
    Reason.PAYMENT_RECEIVED: E(_("The payment arrived in time.")),
    Reason.PAYMENT_UNDER_WAY: E(
        _("A slow way of paying was chosen, such as a direct debit. The bank needs some days.")
    ),
    Reason.PAYMENT_ATTEMPT_FAILED: E(
        _("A card was declined. Nothing was charged, and the buyer may try again.")
    ),
    Reason.DELAYED_PAYMENT_FAILED: E(_("The bank did not make the payment.")),
    Reason.SESSION_EXPIRED: E(_("Time to pay ran out, and the payment page is closed.")),
    Reason.SESSION_COMPLETED: E(
        _("The payment page is finished. What was paid on it was recorded before.")
    ),
    Reason.OLDER_SESSION: E(
        _("An earlier payment page was closed. A newer one is open, so nothing was freed.")
    ),
    Reason.CHECKOUT_UNAVAILABLE: E(
        _("Stripe could not open the payment page, so the places were given back.")
    ),
    Reason.MARKED_PAID: E(_("An organiser has received the payment.")),
    Reason.CANCELLATION_REQUESTED: E(
        _(
            "Somebody cancelled. Stripe is asked to close the payment page first; until it has, the"
            " places stay held."
        )
    ),
    Reason.CANCELLED_BY_REQUEST: E(
        _("Cancelled by the registrant or by an organiser. The places are free again.")
    ),
    Reason.EVENT_CANCELLED: E(_("Cancelled, because the event does not take place.")),
    Reason.CANCELLED_WITHOUT_REFUND: E(
        _("It was cancelled, and what was paid has not been given back."),
        _(
            "Decide what becomes of the money: give it back, or keep it. Accepting the payment"
            " would undo the cancellation, if there is still room."
        ),
    ),
    Reason.LATE_PAYMENT_RESEATED: E(
        _("The payment came after the places had been freed. There was still room.")
    ),
    Reason.LATE_PAYMENT_REFUNDED: E(
        _("The payment came when there was no place for it any more. It goes back by itself.")
    ),
    Reason.LATE_PAYMENT_REVIEW: E(
        _("The payment came after the places had been freed. For this event a person decides."),
        _("If there is still room, accept the payment. Otherwise give the money back."),
    ),
    Reason.SECOND_PAYMENT_REFUNDED: E(
        _("It was paid already. This second payment goes back by itself.")
    ),
    Reason.REFUND_REQUESTED: E(_("An organiser ordered a refund.")),
    Reason.REFUND_RECEIVED: E(_("Stripe has given money back to the buyer.")),
    Reason.REFUND_UNDER_WAY: E(_("Stripe is giving money back. The bank needs some days.")),
    Reason.REFUND_FAILED: E(
        _("A refund did not reach the buyer. That money is yours again."),
        _(
            "Ask the buyer: the card or the account may be closed. Then try to give the money back"
            " again; or return it another way, such as by bank transfer, and leave this as it is."
        ),
    ),
    Reason.MONEY_GIVEN_BACK: E(
        _("An organiser gave back by hand what was paid by cheque, in cash or by transfer.")
    ),
    Reason.DISPUTE_INQUIRY: E(
        _("The buyer’s bank asks about a payment. No money has been taken so far."),
        _(
            "Answer in Stripe’s Dashboard before the date shown there, or give the money back now."
            " This mark goes by itself once the bank is satisfied."
        ),
    ),
    Reason.DISPUTE_OPENED: E(
        _("The buyer disputes a payment. The bank holds the money until it has decided."),
        _(
            "Answer in Stripe’s Dashboard before the date shown there, with whatever shows that the"
            " places were ordered. This mark goes by itself once the bank has decided."
        ),
    ),
    Reason.DISPUTE_WON: E(_("A dispute is won: the money is yours.")),
    Reason.DISPUTE_LOST: E(
        _("A dispute is lost: the buyer has the money back for good."),
        _(
            "Decide whether the buyer keeps the places. If not, cancel the registration; if so,"
            " leave it as it is."
        ),
    ),
    Reason.DISPUTE_CLOSED: E(_("A question of the buyer’s bank is settled: the money is yours.")),
    Reason.MOVED: E(_("An organiser moved it to another event.")),
    Reason.CONTACT_CORRECTED: E(_("An organiser corrected a name or an address.")),
    Reason.MOVE_WITHOUT_PLACE: E(
        _("It has no place that could be moved. The family can register anew.")
    ),
    Reason.MOVE_WHILE_PAYING: E(
        _(
            "Somebody may be paying it at this moment, on a page that names this event. Wait until"
            " it is paid, or until its time has run out."
        )
    ),
    Reason.MOVE_OUT_OF_CANCELLED: E(
        _("This event is cancelled, and its money is on the way back to the buyers.")
    ),
    Reason.MOVE_TO_NOWHERE: E(_("Choose another event that takes place.")),
    Reason.MOVE_TO_OTHER_PRICE: E(
        _(
            "The other event does not cost what was agreed for this registration. Give the money"
            " back, and let the family register anew."
        )
    ),
    Reason.MOVE_TO_OTHER_OPTIONS: E(
        _(
            "The other event does not offer each participant a price option of the same name at the"
            " price that was agreed. Give the money back, and let the family register anew."
        )
    ),
    Reason.MOVE_WITHOUT_ROOM: E(_("The other event has not enough places left.")),
    Reason.REVIEW_ACCEPTED: E(_("An organiser looked at it, and accepted it.")),
    Reason.REVIEW_REFUNDED: E(_("An organiser looked at it, and gave the money back.")),
    Reason.REVIEW_IGNORED: E(_("An organiser looked at it, and left it as it is.")),
    Reason.ALREADY_RECORDED: E(_("This was known already. Nothing had to be changed.")),
    Reason.NOTHING_TO_CHANGE: E(_("In the registration’s present state this changes nothing.")),
    Reason.AMOUNT_MISMATCH: E(
        _("A payment came whose amount or currency is not the one agreed. It confirms nothing."),
        _(
            "Compare the amounts. If the buyer paid what is right, accept the payment. Otherwise"
            " give the money back; the buyer can then register again."
        ),
    ),
    Reason.WRONG_MODE: E(
        _(
            "Stripe’s test mode and its live mode were mixed up: a message of the other mode came"
            " for this registration. It was not applied."
        ),
        _(
            "Tell whoever installed Inscrit: Stripe’s key and its webhook must be of the same mode."
            " Nothing was recorded of that message, so leave the registration as it is."
        ),
    ),
    Reason.OTHER_REGISTRATION: E(
        _("A payment made for this registration names another one. It confirms nobody."),
        _(
            "Look in Stripe’s Dashboard who paid. If it was meant for this registration, accept"
            " it. Otherwise give the money back."
        ),
    ),
    Reason.NOT_PAID_BY_CHEQUE: E(_("What is to be paid online is not marked paid by hand.")),
    Reason.NO_PLACE_LEFT: E(_("Its places were freed, and not enough are left.")),
    Reason.NOTHING_TO_REFUND: E(
        _("There is no payment of which so much can be given back through Stripe.")
    ),
    Reason.NOTHING_BY_HAND: E(_("So much of what was paid by hand is not left to be given back.")),
    Reason.NOTHING_TO_REVIEW: E(
        _("There is nothing to look at any more: somebody has decided already.")
    ),
    Reason.NOTHING_TO_ACCEPT: E(_("There is no payment that could be accepted.")),
    Reason.ACCEPT_OTHER_CURRENCY: E(
        _(
            "The payment is in another currency than was agreed, and can’t be accepted. Give the"
            " money back; the buyer can then pay again."
        )
    ),
}

# What only the inbox says.
INBOX: dict[str, Explanation] = {
    "type_only_logged": E(_("Messages of this kind are only kept. They change nothing.")),
    "no_registration_id": E(
        _(
            "It names no registration: it belongs to another application of the same Stripe"
            " account, or it was sent as a test."
        )
    ),
    "unknown_registration": E(
        _("It names a registration that is not here."),
        _("If several installations share your Stripe account, it is for another one of them."),
    ),
    "unknown_payment": E(
        _(
            "It is about a payment that is not known here. It is applied by itself once Stripe has"
            " told of that payment; if Stripe never does, it belongs to another application."
        )
    ),
    "seen_already": E(_("Stripe had sent this very message before.")),
}

OUR_ERROR = E(
    _("An error of our own kept it from being applied."),
    _("It is tried again by itself. Should it keep failing, tell whoever installed Inscrit."),
)
UNREADABLE = E(
    _("It is not of the form that Stripe promises, so it was not applied."),
    _("Tell whoever installed Inscrit, and look in Stripe’s Dashboard what it is about."),
)
ACTORS: dict[str, Promise] = {
    "webhook": _("Stripe"),
    "registrant": _("the registrant"),
    "return": _("the buyer, back from the payment page"),
    "refund": _("Stripe, asked for a refund"),
    "checkout": _("Inscrit, opening the payment page"),
    "sweep": _("Inscrit, by itself"),
    "cancellation": _("Inscrit, by itself"),
    "waiting list": _("Inscrit, by itself"),
}
PEOPLE = ("admin:", "api:")


def explain(code: str) -> Explanation:
    """What a code word means; a word that nobody has explained yet stands for itself.

    An exception's name begins with a capital, and what makes a body unreadable is told in words.
    """
    if known := REASONS.get(code) or INBOX.get(code):
        return known
    if code[:1].isupper():
        return OUR_ERROR
    return UNREADABLE if " " in code else Explanation(code)


def in_words(code: str) -> "SafeString | str":
    """The sentence, with the code word small beside it."""
    if not code:
        return "–"
    return format_html('{} <small class="code">{}</small>', explain(code).what, code)


def who(actor: str) -> str:
    """Whoever the journal names, as staff would name them."""
    for kind in PEOPLE:
        if actor.startswith(kind):
            return actor.removeprefix(kind)
    return str(ACTORS.get(actor, actor))

"""The documented test cards and what each of them does: https://docs.stripe.com/testing"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Authentication = Literal["none", "required"]
Dispute = Literal["fraudulent", "product_not_received", "inquiry", "warning"]
RefundFate = Literal["succeeds", "pends", "fails"]


@dataclass(frozen=True)
class Decline:
    """Why the bank says no, in Stripe's words."""

    code: str
    decline_code: str
    message: str


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount "
    "limit.",
)
FRAUDULENT = Decline("card_declined", "fraudulent", "Your card was declined.")


@dataclass(frozen=True)
class Card:
    """One test card. ``names`` are what follows ``pm_card_`` and ``tok_``."""

    number: str
    names: tuple[str, ...] = ()
    brand: str = "visa"
    country: str = "US"
    decline: Decline | None = None
    authentication: Authentication = "none"
    dispute: Dispute | None = None
    refund: RefundFate = "succeeds"

    @property
    def last4(self) -> str:
        return self.number[-4:]


CARDS = (
    Card("4242424242424242", ("visa",)),
    Card("4000056655665556", ("visa_debit",)),
    Card("4000002500000003", ("fr",), country="FR"),
    Card("4000002760000016", ("de",), country="DE"),
    Card("4000000560000004", ("be",), country="BE"),
    Card("4000007560000009", ("ch",), country="CH"),
    Card("4000008260000000", ("gb",), country="GB"),
    Card("5555555555554444", ("mastercard",), "mastercard"),
    Card("2223003122003222", ("mastercard_2",), "mastercard"),
    Card("378282246310005", ("amex",), "amex"),
    Card("6011111111111117", ("discover",), "discover"),
    Card(
        "4000000000000002",
        ("chargeDeclined", "visa_chargeDeclined", "chargeDeclinedGeneric"),
        decline=GENERIC,
    ),
    Card(
        "4000000000009995",
        ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
        decline=INSUFFICIENT,
    ),
    Card(
        "4000000000009987",
        ("chargeDeclinedLostCard", "visa_chargeDeclinedLostCard"),
        decline=LOST,
    ),
    Card(
        "4000000000009979",
        ("chargeDeclinedStolenCard", "visa_chargeDeclinedStolenCard"),
        decline=STOLEN,
    ),
    Card(
        "4000000000000069",
        ("chargeDeclinedExpiredCard", "visa_chargeDeclinedExpiredCard"),
        decline=EXPIRED,
    ),
    Card(
        "4000000000000127",
        ("chargeDeclinedIncorrectCvc", "visa_chargeDeclinedIncorrectCvc"),
        decline=CVC,
    ),
    Card(
        "4000000000000119",
        ("chargeDeclinedProcessingError", "visa_chargeDeclinedProcessingError"),
        decline=PROCESSING,
    ),
    Card(
        "4000000000006975",
        (
            "chargeDeclinedVelocityLimitExceeded",
            "visa_chargeDeclinedVelocityLimitExceeded",
        ),
        decline=VELOCITY,
    ),
    Card("4100000000000019", ("radarBlock",), decline=FRAUDULENT),
    Card("4000000000000341", ("chargeCustomerFail",), decline=GENERIC),
    Card(
        "4000002500003155",
        ("authenticationRequiredOnSetup",),
        authentication="required",
    ),
    Card("4000002760003184", ("authenticationRequired",), authentication="required"),
    Card(
        "4000000000003220",
        ("threeDSecure2Required", "threeDSecureRequired"),
        authentication="required",
    ),
    Card(
        "4000008400001629",
        ("authenticationRequiredChargeDeclinedInsufficientFunds", "threeDSecureDeclined"),
        authentication="required",
        decline=GENERIC,
    ),
    Card("4000000000000259", ("createDispute",), dispute="fraudulent"),
    Card(
        "4000000000002685",
        ("createDisputeProductNotReceived",),
        dispute="product_not_received",
    ),
    Card("4000000000001976", ("createDisputeInquiry",), dispute="inquiry"),
    Card("4000000000005423", ("createIssuerFraudRecord",), dispute="warning"),
    Card("4000000000007726", ("pendingRefund",), refund="pends"),
    Card("4000000000005126", ("refundFail",), refund="fails"),
)

BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {name: card for card in CARDS for name in card.names}


def named(name: str) -> Card | None:
    """The card of ``pm_card_visa`` or ``tok_visa``."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            return BY_NAME.get(name.removeprefix(prefix))
    return None


def digits(text: str) -> str:
    return "".join(text.split()).replace("-", "")


def passes_luhn(number: str) -> bool:
    """The check digit every card number carries."""
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_past(month: int, year: int) -> bool:
    now = datetime.now(UTC)
    return (year, month) < (now.year, now.month)

"""Telling the rules a story: facts one after the other, and where they lead."""

from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    Decision,
    Fact,
    MailKind,
    Offer,
    Registration,
    decide,
)

from .test_lifecycle import OFFER, PENDING


class Story:
    """A registration, its event's places, and everything that was decided so far.

    As in the database, each refund that is ordered gets the next number: 1, 2 …
    """

    def __init__(self, start: Registration = PENDING, offer: Offer = OFFER) -> None:
        self.registration = start
        self.offer = offer
        self.decisions: list[Decision] = []
        self._refunds = 0

    def tell(self, *facts: Fact) -> "Story":
        for fact in facts:
            decision = decide(self.registration, self.offer, fact, livemode=False)
            self.registration = self._numbered(decision.registration)
            self.offer = decision.offer
            self.decisions.append(decision)
        return self

    def _numbered(self, registration: Registration) -> Registration:
        for payment in registration.payments:
            refunds = []
            for refund in payment.refunds:
                if refund.number is None and refund.stripe_id is None:
                    self._refunds += 1
                    refund = replace(refund, number=self._refunds)
                refunds.append(refund)
            registration = registration.with_payment(replace(payment, refunds=tuple(refunds)))
        return registration

    @property
    def last(self) -> Decision:
        return self.decisions[-1]

    @property
    def mails(self) -> list[MailKind]:
        return [mail for decision in self.decisions for mail in decision.mails]

    @property
    def ordered(self) -> list[tuple[str, int]]:
        """The refunds asked of Stripe: which payment, how much."""
        orders = (order for decision in self.decisions for order in decision.refunds)
        return [(order.payment, order.amount) for order in orders]


def told(*facts: Fact, start: Registration = PENDING, offer: Offer = OFFER) -> Story:
    return Story(start, offer).tell(*facts)

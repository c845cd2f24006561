"""What somebody who registers for an event now is offered and asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from .consents import Consent
from .models import Event
from .options import PriceOption
from .questions import Question, QuestionScope


@dataclass(frozen=True, slots=True)
class Terms:
    """An event with its price options, questions and consents that are in use, in their order."""

    event: Event
    options: Sequence[PriceOption] = ()
    questions: Sequence[Question] = ()
    consents: Sequence[Consent] = ()

    @property
    def asked_once(self) -> list[Question]:
        return [one for one in self.questions if one.scope == QuestionScope.REGISTRATION]

    @property
    def asked_of_each(self) -> list[Question]:
        return [one for one in self.questions if one.scope == QuestionScope.PARTICIPANT]

    @property
    def prices(self) -> list[int]:
        """Every price a place can have, in minor units."""
        return [option.price for option in self.options] or [self.event.price]

    @property
    def is_free(self) -> bool:
        return max(self.prices) == 0


def terms_of(event: Event) -> Terms:
    """What is in use now, from the database or from what was prefetched of the event."""
    return Terms(
        event,
        [one for one in event.options.all() if one.active],
        [one for one in event.questions.all() if one.active],
        [one for one in event.consents.all() if one.active],
    )

"""Columns for what events ask: price options, answers and consents, in the words of the event."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from inscrit.events.models import Consent, Event, Question
from inscrit.registrations.models import Agreement, Answer, Participant, Registration

LONGEST_TITLE = 80
# Of a registration's own prefetch: whoever asks for its cells has fetched these.
FETCHED = (
    "participants__answers__question",
    "answers__question",
    "agreements",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the events of some registrations ask. The same wording makes one column."""

    has_options: bool = False
    questions: Mapping[str, str] | None = None
    consents: Mapping[str, str] | None = None

    @classmethod
    def of(cls, registrations: QuerySet[Registration]) -> "Asked":
        events = Event.objects.filter(pk__in=registrations.order_by().values("event"))
        questions = Question.objects.filter(event__in=events).order_by("position", "pk")
        consents = Consent.objects.filter(event__in=events).order_by("position", "pk")
        return cls(
            events.filter(options__isnull=False).exists(),
            {one.pk: one.wording() for one in questions},
            {one.pk: one.wording() for one in consents},
        )

    @property
    def titles(self) -> list[str]:
        options = [_("price option")] if self.has_options else []
        return [*options, *(_cut(text) for text in self._wordings)]

    @property
    def _wordings(self) -> list[str]:
        return [*self._worded(self.questions), *self._worded(self.consents)]

    @staticmethod
    def _worded(texts: Mapping[str, str] | None) -> list[str]:
        return list(dict.fromkeys((texts or {}).values()))

    def of_registration(self, registration: Registration) -> list[str]:
        """All that was said, whose it is beside what was asked of each."""
        people = list(registration.participants.all())
        taken = Counter(one.option_name for one in people if one.option_name)
        option = ", ".join(f"{n} × {name}" for name, n in taken.items())
        answers = [("", one) for one in _once(registration)]
        answers += [
            (_("%(name)s: ") % {"name": person}, one)
            for person in people
            for one in person.answers.all()
        ]
        return self._cells(option, answers, registration.agreements.all())

    def of_participant(self, person: Participant, registration: Registration) -> list[str]:
        """What was said of the person, and once for all who come along."""
        answers = [("", one) for one in (*_once(registration), *person.answers.all())]
        return self._cells(person.option_name, answers, registration.agreements.all())

    def _cells(
        self,
        option: str,
        answers: Sequence[tuple[str, Answer]],
        agreements: Iterable[Agreement],
    ) -> list[str]:
        questions, consents = self.questions or {}, self.consents or {}
        said = [(questions.get(one.question_id), f"{whose}{one}") for whose, one in answers]
        agreed = [
            (consents.get(one.consent_id), _("Yes") if one.given else _("No")) for one in agreements
        ]
        cells = [*self._row(questions, said), *self._row(consents, agreed)]
        return [option, *cells] if self.has_options else cells

    def _row(
        self, texts: Mapping[str, str], said: Sequence[tuple[str | None, str]]
    ) -> Iterator[str]:
        for wording in self._worded(texts):
            yield "; ".join(value for asked, value in said if asked == wording)


def _once(registration: Registration) -> list[Answer]:
    return [one for one in registration.answers.all() if one.participant_id is None]


def _cut(text: str) -> str:
    return str(Truncator(text).chars(LONGEST_TITLE))

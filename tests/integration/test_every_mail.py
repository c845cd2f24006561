"""Every mail there is, in both languages: whole, translated, and short enough."""

import itertools
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from inscrit.events.models import Event
from inscrit.mail import attachments, digest, kinds, samples
from inscrit.mail.attachments import Attachment
from inscrit.mail.composing import compose, fill_in, written
from inscrit.mail.kinds import Kind, UnknownKind
from inscrit.mail.models import FOR_WHO_WAITS, EventMails, Message, MessageKind
from inscrit.mail.samples import SAMPLES, Sample
from inscrit.registrations.lifecycle import MailKind
from inscrit.waiting.models import WaitingEntry

from .conftest import Setting
from .test_audit import make_event, paid, register

pytestmark = pytest.mark.django_db

EVERY = list(itertools.product(SAMPLES.values(), ("fr", "en")))
LONG = "Grande fête de fin d’année des classes de maternelle et de primaire " * 2
LARGEST = 16_000


def named(value: object) -> str:
    return value.name if isinstance(value, Sample) else str(value)


class Page(HTMLParser):
    """The links of a mail, and whether every table and cell that is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.lang = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.lang = given["lang"] or ""
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag in ("table", "tr", "td", "th", "p", "a"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("table", "tr", "td", "th", "p", "a"):
            assert self.open.pop() == tag


def test_there_is_a_sample_of_every_kind() -> None:
    assert {one.kind.value for one in SAMPLES.values()} == set(MessageKind.values)
    assert set(MailKind) <= set(MessageKind.values)
    assert {kind.name for kind in kinds.known()} >= set(MessageKind.values)


@pytest.mark.parametrize(("sample", "locale"), EVERY, ids=named)
def test_every_mail_is_whole(sample: Sample, locale: str) -> None:
    event = make_event(title="L’<été> & nous", location="Ferme")
    for letter in (samples.letter(sample, locale), samples.letter(sample, locale, event)):
        page = Page(letter.html)
        assert page.open == []
        assert page.lang == locale
        assert page.links
        for address in page.links:
            assert urlsplit(address).scheme == "http"
            assert urlsplit(address).netloc == "localhost:8000"
        for text in (letter.subject, letter.text, letter.html):
            assert text.strip()
            for leftover in ("{{", "{%", "%(", "None", "<été>" if text is letter.html else "&lt;"):
                assert leftover not in text
        assert 0 < len(letter.subject) < 78
        assert "\n" not in letter.subject
        assert "\n\n\n" not in letter.text
        assert len(letter.html.encode()) < LARGEST


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=named)
def test_no_mail_speaks_the_other_language(sample: Sample) -> None:
    event = make_event(title="X", location="Y")
    french, english = (samples.letter(sample, locale, event) for locale in ("fr", "en"))
    assert french.subject != english.subject
    shared = set(french.text.split("\n")) & set(english.text.split("\n"))
    same_in_both = {"X", "Y", "Inscrit", "--", "-" * 50, ""}
    assert {line for line in shared if not line.startswith("http")} <= same_in_both
    for wrong in ("Hello", "You ", "Your ", "please"):
        assert wrong not in french.text


@pytest.mark.parametrize(("sample", "locale"), EVERY, ids=named)
def test_a_long_title_does_not_make_a_long_subject(sample: Sample, locale: str) -> None:
    event = make_event(title=LONG)
    letter = samples.letter(sample, locale, event)
    assert len(letter.subject) < 78


def message_of(event: Event, kind: str = "confirmed") -> Message:
    return Message.objects.get(registration=paid(event), kind=kind)


def test_the_organisers_own_words_stand_in_the_confirmation_and_are_only_words() -> None:
    event = make_event()
    EventMails.objects.create(event=event, words="Apportez <b>un pull</b>.\n\nÀ 8 h & à l’heure.")
    letter = written(message_of(event)).letter
    assert "Apportez <b>un pull</b>.\n\nÀ 8 h & à l’heure." in letter.text
    assert "Apportez &lt;b&gt;un pull&lt;/b&gt;.<br><br>À 8 h &amp; à l’heure." in letter.html


@pytest.mark.parametrize(
    ("words", "other_words", "in_french", "in_english"),
    [
        ("Un pull.", "A sweater.", "Un pull.", "A sweater."),
        ("Un pull.", "", "Un pull.", "Un pull."),
        ("", "A sweater.", "A sweater.", "A sweater."),
    ],
)
def test_own_words_are_read_in_ones_own_language_if_they_are_written_in_it(
    words: str, other_words: str, in_french: str, in_english: str
) -> None:
    event = make_event()
    EventMails.objects.create(event=event, words=words, other_words=other_words)
    message = message_of(event)
    for locale, expected in (("fr", in_french), ("en", in_english)):
        message.locale = locale
        previewed = samples.letter(SAMPLES["reminder"], locale, event)
        for letter in (written(message).letter, previewed):
            said = [text for text in ("Un pull.", "A sweater.") if text in letter.text]
            assert said == [expected]
            assert expected in letter.html


def test_own_words_stand_in_no_other_mail() -> None:
    event = make_event()
    EventMails.objects.create(event=event, words="Apportez un pull.")
    holders = {name for name, one in SAMPLES.items() if _says(one, event, "Apportez un pull.")}
    assert holders == {"confirmed", "confirmed-free", "confirmed-late", "reminder"}


def _says(sample: Sample, event: Event, words: str) -> bool:
    letter = samples.letter(sample, "fr", event)
    assert (words in letter.text) is (words in letter.html)
    return words in letter.text


@pytest.fixture
def school(setting: Setting) -> str:
    sender = "École Jules-Ferry <inscriptions@example.org>"
    setting(ORGANISER_EMAIL="bureau@example.org", DEFAULT_FROM_EMAIL=sender)
    return "bureau@example.org"


def test_answers_reach_the_school_and_its_name_stands_at_the_head(school: str) -> None:
    mail = compose(message_of(make_event()))
    assert mail.reply_to == [school]
    assert school in str(mail.body)
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "École Jules-Ferry" in str(mail.alternatives[0][0])


def test_only_what_one_can_do_without_can_be_ended_by_its_reader(school: str) -> None:
    event = make_event()
    registration = paid(event)
    entry = WaitingEntry(pk="wait-1", event=event, contact_name="A", places=1, participants=[])
    for kind in MessageKind.values:
        message = Message(pk=1, kind=kind, recipient="a@example.org", locale="fr")
        if kind in FOR_WHO_WAITS:
            message.waiting = entry
        else:
            message.registration = registration
        message.context = _context(kind, event)
        headers = compose(message).extra_headers
        assert ("List-Unsubscribe" in headers) is (kind in ("reminder", "organiser_digest"))


def _context(kind: str, event: Event) -> dict[str, object]:
    if kind == "event_changed":
        when = timezone.now().isoformat()
        times = {"starts_at": when, "ends_at": when, "time_zone": event.time_zone}
        return {"before": {"title": "Before", "location": "", **times}}
    if kind == "organiser_digest":
        return digest.figures_of(timezone.localdate())
    return {"subject": "s", "text": "t"}


def test_a_payment_that_came_late_is_told_as_such_in_the_one_confirmation() -> None:
    registration = paid(make_event())
    confirmation = registration.messages.get(kind="confirmed")
    assert "Ne tenez pas compte" not in written(confirmation).letter.text
    told = registration.messages.create(kind="expired", recipient="a@example.org", locale="fr")
    Message.objects.filter(pk=confirmation.pk).update(id=told.pk + 1)
    later = registration.messages.get(kind="confirmed")
    assert "Ne tenez pas compte de notre message précédent" in written(later).letter.text


def test_another_room_adds_a_kind_and_a_file() -> None:
    def way_there(message: Message) -> list[Attachment]:
        return [Attachment("été.gpx", b"<gpx/>", "application/gpx+xml")]

    attachments.attach("confirmed", way_there)
    try:
        mail = compose(message_of(make_event())).message()
    finally:
        attachments.detach("confirmed", way_there)
    (part,) = [one for one in mail.walk() if one.get_content_type() == "application/gpx+xml"]
    assert part.get_payload(decode=True) == b"<gpx/>"
    assert part.get_filename() == "été.gpx"
    with pytest.raises(UnknownKind):
        fill_in("waiting_list_offer", {})
    kinds.register(Kind("waiting_list_offer", "An offer", button="Take it"))
    try:
        assert ("waiting_list_offer", "An offer") in Message._meta.get_field("kind").flatchoices
    finally:
        del kinds._KINDS["waiting_list_offer"]


def test_who_pays_by_cheque_reads_at_once_what_to_send() -> None:
    registration = register(make_event(), method="cheque")
    text = written(registration.messages.get()).letter.text
    assert f"avec la référence {registration.pk} au dos" in text
    assert "10,00" in text
    assert "Voir votre inscription" in text
    assert "Payer" not in text

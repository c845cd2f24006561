"""Sample events in French and English, and an organiser's account."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from inscrit.events import photos
from inscrit.events.models import Event, EventStatus
from inscrit.events.photos import Photo
from inscrit.events.pictures import renditions
from inscrit.events.questions import QuestionKind, QuestionScope
from inscrit.organisation.models import Organisation

from . import drawings

ORGANISER = "organisateur"


def plant(password: str) -> None:
    """Create the samples where there are no events yet, and the organiser's account."""
    if not Event.objects.exists():
        for event in _events(timezone.localtime(timezone.now())):
            event.save()
            _give_photo(event)
            if ask := ASKING.get(event.slug):
                ask(event)
    Organisation.objects.get_or_create(
        id=Organisation.THE_ONE,
        defaults={
            "name": "Association Jules-Ferry",
            "address": "12, rue de l’École\n35000 Rennes",
            "registration_number": "RNA W351000000",
            "tax_note": "TVA non applicable, art. 293 B du CGI",
            "contact_email": "association@example.org",
        },
    )
    users = get_user_model().objects
    if not users.filter(username=ORGANISER).exists():
        users.create_superuser(ORGANISER, "organisateur@example.org", password)


PHOTOS = {
    "stage-de-theatre": (
        drawings.theatre,
        "Trois enfants sur une scène, dans la lumière d’un projecteur",
        "Three children on a stage, in a spotlight",
    ),
    "sortie-a-la-ferme": (
        drawings.farm,
        "Une grange rouge et des moutons dans les collines",
        "A red barn and sheep in the hills",
    ),
    "coding-club": (
        drawings.game,
        "Un jeu vidéo de petits monstres sur un écran",
        "A computer game with small monsters on a screen",
    ),
    "open-day": (
        drawings.open_day,
        "Une école aux portes ouvertes, sous des guirlandes",
        "A school with open doors, under garlands",
    ),
}


def _give_photo(event: Event) -> None:
    draw, french, english = PHOTOS[event.slug]
    photos.show(Photo(event=event, alt_fr=french, alt_en=english), renditions(draw()))


def _events(now: datetime) -> list[Event]:
    def on(days: int, hour: int) -> datetime:
        day = now + timedelta(days=days)
        return day.replace(hour=hour, minute=0, second=0, microsecond=0)

    return [
        Event(
            slug="stage-de-theatre",
            title="Stage de théâtre d’hiver",
            description=(
                "Cinq matinées pour monter une courte pièce, du premier jeu d’improvisation "
                "à la représentation devant les familles. De 8 à 12 ans."
            ),
            location="Salle des fêtes, école Jules-Ferry",
            starts_at=on(21, 9),
            ends_at=on(25, 12),
            price=4500,
            capacity=24,
            refund_until=on(14, 9),
            payment_methods=["stripe", "cheque", "transfer"],
            how_to_pay=(
                "Chèque à l’ordre de l’Amicale Jules-Ferry, à déposer dans la boîte de "
                "l’association, à l’entrée de l’école.\n"
                "Virement : IBAN FR76 3000 4000 0100 0000 0000 143, BIC BNPAFRPP."
            ),
            status=EventStatus.PUBLISHED,
        ),
        Event(
            slug="sortie-a-la-ferme",
            title="Sortie à la ferme",
            description="Une journée avec les animaux, pique-nique tiré du sac. Dès 4 ans.",
            location="Ferme du Bois-Joli, départ devant l’école",
            starts_at=on(12, 8),
            ends_at=on(12, 17),
            price=1250,
            capacity=8,
            payment_methods=["stripe", "cash"],
            payment_days=5,
            how_to_pay="Au secrétariat, du lundi au vendredi de 8 h 30 à 12 h.",
            status=EventStatus.PUBLISHED,
        ),
        Event(
            slug="coding-club",
            title="Coding Club: your first game",
            description="Six Wednesday afternoons. Bring curiosity; we bring the computers.",
            location="Library, room 2",
            starts_at=on(30, 14),
            ends_at=on(65, 16),
            price=6000,
            capacity=12,
            refund_until=on(23, 14),
            status=EventStatus.PUBLISHED,
        ),
        Event(
            slug="open-day",
            title="Portes ouvertes · Open day",
            description="Entrée libre, l’inscription nous aide à prévoir le goûter.",
            location="École Jules-Ferry",
            starts_at=on(40, 10),
            ends_at=on(40, 13),
            price=0,
            capacity=None,
            status=EventStatus.PUBLISHED,
        ),
    ]


def _ask_at_the_theatre(event: Event) -> None:
    event.options.create(name="Enfant", other_name="Child", price=4500, position=0)
    event.options.create(
        name="Frère ou sœur",
        other_name="Sibling",
        price=3800,
        quota=8,
        position=1,
    )
    event.questions.create(
        text="Son niveau",
        other_text="Experience",
        kind=QuestionKind.CHOICE,
        scope=QuestionScope.PARTICIPANT,
        choices="Jamais joué\nUn peu\nBeaucoup",
        other_choices="Never acted\nA little\nA lot",
        required=True,
        position=0,
    )
    event.questions.create(
        text="Allergies ou traitements",
        other_text="Allergies or medication",
        scope=QuestionScope.PARTICIPANT,
        position=1,
    )
    event.questions.create(
        text="Votre enfant peut-il rentrer seul\u00a0?",
        other_text="May your child go home alone?",
        kind=QuestionKind.YES_NO,
        required=True,
        position=2,
    )
    event.consents.create(
        text="J’ai lu le règlement du stage et je l’accepte.",
        other_text="I have read the rules of the workshop and accept them.",
        required=True,
        position=0,
    )
    event.consents.create(
        text="L’école peut publier des photos de la représentation où mon enfant est visible.",
        other_text="The school may publish photographs of the show in which my child is seen.",
        position=1,
    )


def _ask_at_the_farm(event: Event) -> None:
    event.options.create(name="Enfant", other_name="Child", price=1250, position=0)
    event.options.create(
        name="Adulte accompagnateur", other_name="Accompanying adult", price=600, position=1
    )
    event.options.create(name="Moins de 3 ans", other_name="Under 3 years", price=0, position=2)


ASKING: dict[str, Callable[[Event], None]] = {
    "stage-de-theatre": _ask_at_the_theatre,
    "sortie-a-la-ferme": _ask_at_the_farm,
}

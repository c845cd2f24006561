"""Run inside the installation, by ``inscrit manage shell``: the rows that only time or a person at
the desk would bring. Its last line is a JSON object of what leads to pages.
"""

import json
from datetime import timedelta

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from inscrit.doctor.models import SetUp
from inscrit.events.models import Event
from inscrit.links import services as links
from inscrit.links.models import LinkRequest
from inscrit.mail import unsubscribing
from inscrit.mail.models import Message, MessageKind, MessageState, Unsubscribed
from inscrit.organisation.models import Organisation
from inscrit.outgoing.models import Endpoint
from inscrit.outgoing.services import send_test
from inscrit.people.models import LoginAttempt
from inscrit.registrations.models import Registration
from inscrit.retention import services as retention
from inscrit.watchdog import services as watchdog
from inscrit.webhooks.models import StripeEvent

Organisation.objects.get_or_create(
    name="École des Tilleuls",
    address="2 rue des Tilleuls\n69007 Lyon",
    registration_number="SIRET 123 456 789 00012",
    contact_email="ecole@example.org",
)
retention.purge()
watchdog.watch()
registration = Registration.objects.filter(status="PAID").earliest("created_at")
reminder = Message.objects.create(
    kind=MessageKind.REMINDER,
    registration=registration,
    recipient=registration.contact_email,
    locale="fr",
    state=MessageState.FAILED,
    error="550 5.1.1 unknown mailbox",
)
Unsubscribed.objects.create(address="autre@example.org", kind=MessageKind.REMINDER)
asked = LinkRequest.objects.create(
    who=links.fingerprint(registration.contact_email),
    origin=links.fingerprint(""),
    registration=registration,
    locale="fr",
)
person = User.objects.create_user(
    "nina", "nina@example.org", first_name="Nina", last_name="Moreau", is_staff=True
)
otto = User.objects.create_user("otto", password="trois-poules-rousses", is_staff=True)
LoginAttempt.objects.create(account="nina", succeeded=False)
LogEntry.objects.create(
    user=otto,
    content_type=ContentType.objects.get_for_model(Event),
    object_id=registration.event_id,
    object_repr=str(registration.event),
    action_flag=CHANGE,
    change_message=json.dumps([{"changed": {"fields": ["Title"]}}]),
)
send_test(Endpoint.objects.earliest("created_at"))
Event.objects.filter(title="Vente fermée").update(sales_end_at=timezone.now() - timedelta(hours=1))
failed = StripeEvent.objects.filter(registration_id=registration.pk).first()
StripeEvent.objects.filter(pk=failed and failed.pk).update(outcome="failed")
number = urlsafe_base64_encode(force_bytes(person.pk))
token = default_token_generator.make_token(person)
found = {
    "rows": {
        f"{model._meta.app_label}/{model._meta.model_name}": str(row.pk)
        for model in admin.site._registry
        if model is not SetUp and (row := model._default_manager.first())
    }
    | {"auth/user": str(person.pk)},
    "mine": reverse("pages:mine", args=[links.key(asked)]),
    "no_more_mail": "/" + unsubscribing.address(reminder).split("/", 3)[3],
    "invitation": reverse("people:set-password", args=[number, token]),
}
print(json.dumps(found))  # noqa: T201 - its whole answer

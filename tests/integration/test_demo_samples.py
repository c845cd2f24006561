"""What the demo begins with."""

import pytest

from inscrit.demo import samples
from inscrit.events.models import Event
from inscrit.organisation.models import Organisation

pytestmark = pytest.mark.django_db


def test_samples_are_planted_once_and_what_was_changed_stays() -> None:
    samples.plant("a-password-for-the-demo")
    events = Event.objects.count()
    Organisation.objects.update(name="Renamed")
    samples.plant("a-password-for-the-demo")
    assert events == Event.objects.count() > 0
    assert Organisation.current().name == "Renamed"

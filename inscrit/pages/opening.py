"""A registration, for whoever's address has its token."""

from django.http import Http404, HttpRequest

from inscrit.jobs import in_database
from inscrit.registrations.models import Registration


async def opened(request: HttpRequest, registration_id: str) -> Registration:
    """The registration with its event. Raises Http404."""
    registration = await in_database(_find, registration_id)
    if registration is None or not registration.opens_with(request.GET.get("token", "")):
        raise Http404
    return registration


def _find(registration_id: str) -> Registration | None:
    return Registration.objects.select_related("event").filter(pk=registration_id).first()

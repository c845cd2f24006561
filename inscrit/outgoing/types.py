"""What other programs can be told, by the name of the message's type."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEST = "endpoint.test"

# The triggers of the migrations write these names: a registration's is its status.
TYPES: dict[str, Promise] = {
    "registration.pending": _("A registration holds places and waits for its payment"),
    "registration.processing": _("A registration’s slow payment is under way"),
    "registration.paid": _("A registration is paid"),
    "registration.free": _("A registration is confirmed, free of charge"),
    "registration.expired": _("A registration was not paid in time"),
    "registration.failed": _("A registration’s slow payment has failed"),
    "registration.cancelled": _("A registration is cancelled"),
    "registration.refunded": _("A registration’s money was given back"),
    "registration.updated": _("Something else about a registration, such as a part refunded"),
    "event.created": _("An event was created"),
    "event.updated": _("An event was changed"),
    "event.published": _("An event was published"),
    "event.cancelled": _("An event was cancelled"),
}

"""Whose mails these are: the school's name, and how to reach it."""

from dataclasses import dataclass
from email.utils import parseaddr

from inscrit import config
from inscrit.organisation.models import Organisation


@dataclass(frozen=True, slots=True)
class Letterhead:
    """``reach`` is the address that answers go to; empty if nobody is named."""

    name: str
    reach: str


def letterhead() -> Letterhead:
    """The organisation's; as long as nobody wrote one, the sender's name before the address."""
    settings, organisation = config.current(), Organisation.current()
    name, address = parseaddr(settings.default_from_email)
    return Letterhead(
        organisation.name or name or address,
        organisation.contact_email or settings.organiser_email or "",
    )

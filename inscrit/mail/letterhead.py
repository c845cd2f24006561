"""Whose mails these are: the school's name, and how to reach it."""

from dataclasses import dataclass
from email.utils import parseaddr

from inscrit import config


@dataclass(frozen=True, slots=True)
class Letterhead:
    """``reach`` is the address that answers go to; empty if nobody is named."""

    name: str
    reach: str


def letterhead() -> Letterhead:
    """The name is the sender's, as it stands before the address."""
    settings = config.current()
    name, address = parseaddr(settings.default_from_email)
    return Letterhead(name or address, settings.organiser_email or "")

"""All checks in their order: first what costs nothing, then what asks others."""

import os
from collections.abc import Callable, Iterator

from django.db import DatabaseError
from django.utils.translation import gettext as _

from inscrit import config
from inscrit.config import Config, Sources
from inscrit.jobs import in_database

from . import address, clocks, database, disk, forms, mail, ping, stripe, work
from .finding import Finding, error, skipped


def of_settings() -> list[Finding]:
    """The settings alone; one that can't be read at all is an error of its own."""
    try:
        found = forms.look(Sources(os.environ, config.SECRETS_DIR))
        settings = config.load()
    except config.SettingError as problem:
        return [error("settings", str(problem), _("Correct it and run this again."))]
    return [*found, *address.look(settings)]


def at_a_glance(settings: Config) -> list[Finding]:
    """What is cheap enough for every look at the first page: a few small queries."""
    return [*of_settings(), *_asking(settings, work.look), *disk.look(settings)]


def of_the_database(settings: Config) -> list[Finding]:
    """The database itself, and what it tells of the work being done."""
    if closed := database.reachable(settings):
        return [closed]
    found = list(_asking(settings, database.look))
    if any(one.name == "migrations" and one.mend for one in found):
        return [*found, clocks.database(), skipped("worker", _("First the migrations."))]
    return [*found, clocks.database(), *_asking(settings, work.look)]


def _asking(settings: Config, look: Callable[[Config], list[Finding]]) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except DatabaseError as problem:
        yield database.unreachable(str(problem))


def here(settings: Config) -> list[Finding]:
    """Everything that can be seen from this machine at once."""
    return [*of_settings(), *of_the_database(settings), *disk.look(settings)]


async def thorough(settings: Config) -> list[Finding]:
    """Everything, with what asks the mail server, Stripe, and our own public address."""
    found = await in_database(here, settings)
    found += await in_database(mail.look, settings)
    if any(one.name in ("database", "migrations") and one.mend for one in found):
        return [*found, skipped("stripe", _("First the database."))]
    return [*found, *await stripe.look(settings), *await ping.look(settings)]

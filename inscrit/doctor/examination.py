"""All checks in their order: first what costs nothing, then what asks others."""

from collections.abc import Callable, Iterator

from django.db import DatabaseError
from django.utils.translation import gettext as _

from inscrit.config import Config
from inscrit.jobs import in_database

from . import clocks, database, declared, disk, mail, ping, stripe, work
from .finding import Finding, State, errors, skipped


def at_a_glance(settings: Config) -> list[Finding]:
    """What is cheap enough for every look at the first page: a few small queries."""
    return [*declared.look(), *_asking(settings, work.look), *disk.look(settings)]


def of_the_database(settings: Config) -> list[Finding]:
    """The database itself, and what it tells of the work being done."""
    if closed := database.reachable(settings):
        return [closed]
    found = list(_asking(settings, database.look))
    if _is_wrong(found, "migrations"):
        return [*found, clocks.database(), skipped("worker", _("First the migrations."))]
    if not _may_be_read(found):
        return [*found, clocks.database(), skipped("worker", _("First the database’s rights."))]
    return [*found, clocks.database(), *_asking(settings, work.look)]


def _is_wrong(found: list[Finding], *names: str) -> bool:
    return any(one.name in names for one in errors(found))


def _may_be_read(found: list[Finding]) -> bool:
    return not any(one.name == "migrations" and one.state is State.SKIPPED for one in found)


def _asking(settings: Config, look: Callable[[Config], list[Finding]]) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except DatabaseError as problem:
        yield database.unreachable(str(problem))


def here(settings: Config) -> list[Finding]:
    """Everything that can be seen from this machine at once."""
    return [*declared.look(), *of_the_database(settings), *disk.look(settings)]


async def thorough(settings: Config) -> list[Finding]:
    """Everything, with what asks the mail server, Stripe, and our own public address."""
    found = await in_database(here, settings)
    found += await in_database(mail.look, settings)
    if _is_wrong(found, "database", "migrations") or not _may_be_read(found):
        return [*found, skipped("stripe", _("First the database."))]
    writes = not _is_wrong(found, "database_writes", "database_rights")
    return [*found, *await stripe.look(settings), *await ping.look(settings, writes=writes)]

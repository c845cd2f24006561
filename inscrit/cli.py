"""The command ``inscrit``."""

import asyncio
import atexit
import dataclasses
import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import click
import psycopg

from inscrit import __version__, config, embedded

NOT_MIGRATED = "the database has no tables yet, or not all of this version's. Run: inscrit migrate"
NO_WRITES = (
    "the database takes no writes: a standby, or set to read only. "
    "Let DATABASE_URL lead to the primary: …?target_session_attrs=read-write"
)
NO_RIGHTS = (
    "the database refuses: {reason}. Let the user of DATABASE_URL own it and its tables: "
    "ALTER DATABASE … OWNER TO …; REASSIGN OWNED BY … TO …"
)
BUSY = (
    "somebody else has what this needs in hand, and for longer than some seconds. Run it again. If "
    "it stays so, a session does not end: "
    "SELECT * FROM pg_stat_activity WHERE state LIKE 'idle in%'"
)
# What migrations make beside tables begins so.
OURS = ("inscrit_", "procrastinate_")
FOLDER = click.Path(path_type=Path, file_okay=False)
LOG_FORMAT = click.Choice(["text", "json"])
ROLE = click.Choice(["organiser", "secretary", "readonly"])
DATABASE_PATIENCE = 60
MIGRATE_FIRST = click.option(
    "--migrate",
    "migrate_first",
    is_flag=True,
    help="Wait for the database and bring its schema up to date first.",
)


class Group(click.Group):
    """Shows a user's mistake as one clear line, never as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from django.db import OperationalError

        from inscrit.ports import PortTaken

        try:
            return super().invoke(ctx)
        except (config.SettingError, PortTaken) as error:
            raise _failed(ctx, str(error)) from None
        except (OperationalError, psycopg.OperationalError) as error:
            if line := _refusal(error):
                raise _failed(ctx, line) from None
            reason = str(error).strip().splitlines()[-1]
            message = f"the database can't be used: {reason}. Look at DATABASE_URL and its server."
            raise _failed(ctx, message) from None
        except click.ClickException:
            raise  # a command knows best
        except Exception as error:
            if line := _refusal(error):
                raise _failed(ctx, line) from None
            raise


def _failed(ctx: click.Context, why: str) -> click.ClickException:
    return NotCompared(why) if ctx.invoked_subcommand == "reconcile" else click.ClickException(why)


def _refusal(error: Exception) -> str | None:
    """What PostgreSQL refused and what to do about it; None where the fault is ours."""
    beneath: BaseException | None = error
    while beneath is not None and not isinstance(beneath, psycopg.Error):
        beneath = beneath.__cause__ or beneath.__context__  # what others made of it
    match beneath:
        case psycopg.errors.ReadOnlySqlTransaction():
            return NO_WRITES
        case psycopg.errors.InsufficientPrivilege():
            return NO_RIGHTS.format(reason=beneath.diag.message_primary or beneath)
        case psycopg.errors.LockNotAvailable():
            return BUSY
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn():
            return NOT_MIGRATED
        case psycopg.errors.UndefinedFunction() if any(name in str(beneath) for name in OURS):
            return NOT_MIGRATED
    return None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Inscrit: registration for paid events, with places and money that never go wrong."""
    # Python would look through everything that was loaded once more as it ends: half a second.
    atexit.register(gc.freeze)


def _load() -> config.Config:
    """The settings, from whichever folder the options name by now."""
    config.current.cache_clear()
    return config.current()


@contextmanager
def _ready(*, embedded_db: bool = False) -> Iterator[config.Config]:
    """The settings with a database that runs, and Django set up on them."""
    settings = _load()
    if embedded_db:
        settings = dataclasses.replace(settings, database_url=None)
    with embedded.database(settings):
        settings = _load()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inscrit.settings")
        import django

        django.setup()
        from inscrit import direct

        try:
            yield settings
        finally:
            direct.leave()  # an embedded server stops now


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--embedded-db", is_flag=True, help="Use the embedded PostgreSQL, migrated.")
@MIGRATE_FIRST
def serve(host: str, port: int, workers: int, embedded_db: bool, migrate_first: bool) -> None:  # noqa: FBT001 - click
    """The web side: webhooks, pages, admin, API, live places, metrics."""
    from inscrit import server

    with _ready(embedded_db=embedded_db) as settings:
        if embedded_db or migrate_first:
            _migrate(patience=DATABASE_PATIENCE)
        _check_that_no_restore_is_unfinished()
        server.run(host, port, workers, settings.trusted_proxies)


@main.command()
@click.option("--concurrency", default=4, show_default=True, type=click.IntRange(1, 64))
@MIGRATE_FIRST
def worker(concurrency: int, migrate_first: bool) -> None:  # noqa: FBT001 - click
    """Jobs: mails, freeing lapsed holds, refunds, retries, reconciliation with Stripe."""
    from inscrit import jobs

    with _ready():
        if migrate_first:
            _migrate(patience=DATABASE_PATIENCE)
        _check_that_no_restore_is_unfinished()
        jobs.work(concurrency)


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date. Several replicas may run this at once."""
    with _ready():
        _migrate(verbosity=1)


def _check_that_no_restore_is_unfinished() -> None:
    """Whatever would be done now could be lost when that is put back."""
    from inscrit import migrating

    if migrating.a_restore_is_unfinished():
        raise click.ClickException(
            "a restore is under way, or was not finished. To put back what was there before, run: "
            "inscrit migrate. Or run: inscrit restore … --replace"
        )


def _migrate(*, patience: float = 0, verbosity: int = 0) -> None:
    from inscrit import migrating

    migrating.migrate(verbosity, patience=patience)


@main.command()
@click.argument("username")
@click.option("--email", default="", help="For password resets.")
@click.option(
    "--role",
    type=ROLE,
    help="What the account may do; without it, everything, technical matters too.",
)
@click.password_option(help="Asked for if it is not given.")
def createuser(username: str, email: str, role: str | None, password: str) -> None:
    """Create an account for the admin; without a role one with every right."""
    with _ready():
        from inscrit.api.models import Role
        from inscrit.people import accounts

        try:
            accounts.create(username, email, password, Role(role) if role else None)
        except accounts.NotMade as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"Created the {role or 'organiser'}'s account {username}.")
    if not email:
        click.echo(
            "It has no e-mail address: a forgotten password can't be reset by mail.", err=True
        )


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> None:
    """The framework's own commands, such as: inscrit manage shell."""
    with _ready():
        from django.core.management import execute_from_command_line

        execute_from_command_line(["inscrit manage", *arguments])


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=12111, show_default=True, type=click.IntRange(1, 65535))
@click.option("--webhook-url", help="Where events are delivered.")
@click.option("--webhook-secret", envvar="SANDBOX_WEBHOOK_SECRET", help="whsec_…; else made up.")
@click.option("--data-dir", type=FOLDER, help="Where it keeps its state; else in memory.")
@click.option("--public-url", help="How browsers reach it, if not by host and port.")
@click.option("--allow-public", is_flag=True, help="Listen on an address others can reach.")
@click.option("--rate-limits/--no-rate-limits", default=True, help="Answer 429 as Stripe does.")
@click.option("--log-format", envvar="LOG_FORMAT", default="text", type=LOG_FORMAT)
def sandbox(log_format: str, **options: Any) -> None:
    """A Stripe on your own machine, for rehearsals."""
    from inscrit.monitoring import logs
    from inscrit.sandbox.config import SandboxError
    from inscrit.sandbox.server import SandboxConfig, run

    logs.configure(log_format)
    try:
        run(SandboxConfig(**options))
    except SandboxError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data-dir", type=FOLDER, help="Where it keeps its data.")
@click.option("--fresh", is_flag=True, help="Throw away what an earlier demo left.")
@click.option("--no-autopilot", is_flag=True, help="Make no purchase by itself.")
def demo(port: int, data_dir: Path | None, fresh: bool, no_autopilot: bool) -> None:  # noqa: FBT001 - click
    """Everything at once on this machine: nothing to configure, and a first purchase."""
    from inscrit.demo import show

    sys.exit(show.run(port, data_dir, fresh=fresh, autopilot=not no_autopilot))


@main.group()
def apikey() -> None:
    """Keys for the API."""


@apikey.command("create")
@click.argument("name")
@click.option("--role", required=True, type=ROLE)
def apikey_create(name: str, role: str) -> None:
    """Create a key; it is shown once."""
    with _ready():
        from inscrit.api import keys

        try:
            key = keys.create(name, role)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    click.echo(key)


@apikey.command("list")
def apikey_list() -> None:
    """List the keys, without their secret part."""
    with _ready():
        from inscrit.api import keys

        for key in keys.list_keys():
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "active"
            click.echo(f"{key.prefix}  {key.role:10} {state:20} {key.name}")


@apikey.command("revoke")
@click.argument("name")
def apikey_revoke(name: str) -> None:
    """Revoke a key by its name or its beginning."""
    with _ready():
        from inscrit.api import keys

        try:
            keys.revoke(name)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"Revoked {name}.")


@main.command()
@click.argument("event_id")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
def replay(event_id: str, dry_run: bool) -> None:  # noqa: FBT001 - click
    """Apply a stored Stripe event again."""
    with _ready():
        from inscrit.webhooks import services
        from inscrit.webhooks.models import StripeEvent

        try:
            result = services.replay(event_id, dry_run=dry_run, actor="command line")
        except StripeEvent.DoesNotExist:
            raise click.ClickException(f"there is no event {event_id} in the inbox.") from None
    click.echo(f"{event_id}: {result.outcome} ({result.reason})")
    verb = "would change" if dry_run else "changed"
    for change in result.changes:
        click.echo(f"  {verb}: {change}")
    if not result.changes:
        click.echo(f"  {verb} nothing")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--mend-counters", is_flag=True, help="Count the places again first.")
def audit(as_json: bool, mend_counters: bool) -> None:  # noqa: FBT001 - click
    """Check the five invariants over the whole database; exit code 0 only if all hold."""
    if as_json and mend_counters:
        raise click.UsageError("--json and --mend-counters don't go together.")
    with _ready():
        from django.utils import translation

        from inscrit.monitoring import audit as auditing

        if mend_counters:
            _mend_counters()
        with translation.override("en"):
            found = auditing.run()
            said = json.dumps(found.as_data()) if as_json else found.as_text()
    click.echo(said)
    sys.exit(1 if found.breaches else 0)


def _mend_counters() -> None:
    from inscrit.watchdog import services

    mended, refused = services.mend_counters()
    for event_id in mended:
        click.echo(f"Counted again: {event_id}", err=True)
    for reason in refused:
        click.echo(f"Not counted again: {reason}", err=True)


def _span(_ctx: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    from inscrit.reconciliation.window import NoSpan, span

    try:
        return None if value is None else span(value)
    except NoSpan as error:
        raise click.BadParameter(str(error)) from None


class NotCompared(click.ClickException):
    """Nothing can be said of whether Stripe and the database agree."""

    exit_code = 2


@main.command()
@click.option("--since", callback=_span, help="How far to look back: 72h, 7d. Else from the last.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def reconcile(since: timedelta | None, dry_run: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Compare Stripe with the database in both directions, and put right what differs.

    Exit code 0: nothing differs any more; 1: something needs a person; 2: not compared.
    """
    with _ready() as settings:
        if settings.stripe_secret_key is None:
            raise NotCompared("STRIPE_SECRET_KEY is not set.")
        from inscrit.reconciliation import report, services
        from inscrit.reconciliation.lock import AlreadyRunning

        try:
            # Standard output is for the report alone.
            with redirect_stdout(sys.stderr):
                done = asyncio.run(services.reconcile(since, dry_run=dry_run))
        except AlreadyRunning:
            raise NotCompared("another reconciliation is under way; nothing was done.") from None
        except services.BrokenOff as error:
            raise NotCompared(f"{error}. Run it again: it goes on from there.") from None
        click.echo(json.dumps(report.as_data(done)) if as_json else report.as_text(done))
    sys.exit(1 if done.for_a_person else 0)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--canary", is_flag=True, help="Make a real payment, in test mode only.")
@click.option("--language", type=click.Choice(config.LANGUAGES), help="Else LANGUAGE_CODE.")
def doctor(as_json: bool, canary: bool, language: str | None) -> None:  # noqa: FBT001 - click
    """Check the whole set-up; exit code 0 only if nothing is wrong."""
    from inscrit.doctor import command

    # Standard output is for the report alone.
    with redirect_stdout(sys.stderr):
        try:
            with _ready() as settings:
                found = command.examine(settings, language, canary=canary)
        except config.SettingError as problem:
            found = command.without_settings(problem, language)
    click.echo(json.dumps(found.as_data(), ensure_ascii=False) if as_json else found.as_text())
    sys.exit(0 if found.is_right else 1)


@main.group()
def stripe() -> None:
    """What is to be set up at Stripe."""


@stripe.command("setup")
@click.option("--url", required=True, help="The site's public address: https://host")
@click.option(
    "--docker-secret",
    is_flag=False,
    flag_value="stripe_webhook_secret",
    help="Pipe a new signing secret into a Docker secret (of this name) and show it nowhere.",
)
@click.option("--retire", is_flag=True, help="Switch other endpoints of the same address off.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def stripe_setup(url: str, docker_secret: str | None, retire: bool, dry_run: bool) -> None:  # noqa: FBT001 - click
    """Create or repair the webhook endpoint at Stripe, with exactly the events needed.

    A new endpoint's signing secret is all that is written to standard output.
    """
    from inscrit.webhooks import setting_up

    _load()
    try:
        setting_up.run(url, docker_secret, retire=retire, dry_run=dry_run)
    except setting_up.NotSetUp as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def backup(file: Path) -> None:
    """Write the whole database into FILE; a dash stands for standard output.

    Nobody has to stop working meanwhile. SECRET_KEY is not in it: keep it elsewhere.
    """
    from inscrit.backups import BackupError

    with _ready():
        from inscrit.backups import making

        try:
            if str(file) == "-":
                about = making.to_stream(sys.stdout.buffer)
            else:
                about = making.to_file(file)
        except BackupError as error:
            raise click.ClickException(str(error)) from None
    rows = ", ".join(f"{number} {name}" for name, number in about.rows.items())
    click.echo(f"Backed up, as of {about.made_at:%Y-%m-%d %H:%M} UTC: {rows}", err=True)


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--replace", is_flag=True, help="Throw away what is in the database.")
def restore(file: BinaryIO, replace: bool) -> None:  # noqa: FBT001 - click
    """Put a backup back, from FILE or, with a dash, from standard input.

    Only into an empty database, unless told to replace what is there. Then run inscrit reconcile.
    """
    from inscrit.backups import BackupError

    with _ready():
        from inscrit.backups import afterwards, restoring

        try:
            about = restoring.from_stream(file, replace=replace)
        except BackupError as error:
            raise click.ClickException(str(error)) from None
        for line in afterwards.tell(about):
            click.echo(line)

"""Whether the mail server takes mail from our sender. None is sent."""

import smtplib
import ssl
from email.utils import parseaddr
from typing import Any

from django.utils.translation import gettext as _

from inscrit.config import Config
from inscrit.mail.delivery import explained
from inscrit.settings import mail_server

from .finding import Finding, error, ok, warning

TIMEOUT = 10


def look(settings: Config) -> list[Finding]:
    name = "mail"
    server = mail_server(settings.email_url)
    if "EMAIL_HOST" not in server:
        what = _("Mails are only written to the log: nobody gets any.")
        mend = _("Set EMAIL_URL to smtp://user:password@host:587?tls=1")
        return [(error if settings.livemode else warning)(name, what, mend)]
    sender = parseaddr(settings.default_from_email)[1]
    try:
        _try(server, sender)
    except (smtplib.SMTPException, OSError) as problem:
        return [error(name, *_told(problem, server, sender))]
    if sender.endswith("@localhost"):
        what = _("The sender’s address ends in @localhost: no mail server will like it.")
        return [warning(name, what, _("Set DEFAULT_FROM_EMAIL to an address of your own."))]
    what = _("The mail server %(host)s takes mail from our sender.")
    return [ok(name, what % {"host": server["EMAIL_HOST"]})]


def _try(server: dict[str, Any], sender: str) -> None:
    """As far as MAIL FROM. Raises SMTPException, OSError."""
    address, context = (server["EMAIL_HOST"], server["EMAIL_PORT"]), ssl.create_default_context()
    with _connected(server, address, context) as smtp:
        smtp.ehlo_or_helo_if_needed()
        if server["EMAIL_USE_TLS"]:
            smtp.starttls(context=context)
            smtp.ehlo()
        if server["EMAIL_HOST_USER"]:
            smtp.login(server["EMAIL_HOST_USER"], server["EMAIL_HOST_PASSWORD"])
        code, answer = smtp.mail(sender)
        if code >= 400:
            raise smtplib.SMTPSenderRefused(code, answer, sender)
        smtp.rset()


def _connected(
    server: dict[str, Any], address: tuple[str, int], context: ssl.SSLContext
) -> smtplib.SMTP:
    if server["EMAIL_USE_SSL"]:
        return smtplib.SMTP_SSL(*address, timeout=TIMEOUT, context=context)
    return smtplib.SMTP(*address, timeout=TIMEOUT)


def _told(problem: Exception, server: dict[str, Any], _sender: str) -> tuple[str, str]:
    """What went wrong, and what to do; without addresses and passwords."""
    facts = {"host": server["EMAIL_HOST"], "port": server["EMAIL_PORT"], "why": explained(problem)}
    match problem:
        case smtplib.SMTPAuthenticationError():
            what = _("The mail server %(host)s refuses our user or password: %(why)s")
            mend = _("Correct them in EMAIL_URL; write unusual characters as %%40 and the like.")
        case smtplib.SMTPSenderRefused():
            what = _("The mail server %(host)s refuses our sender: %(why)s")
            mend = _("Set DEFAULT_FROM_EMAIL to an address that this server may send for.")
        case smtplib.SMTPNotSupportedError() | ssl.SSLError():
            what = _("The mail server %(host)s:%(port)d does not speak as expected: %(why)s")
            mend = _("Port 587 wants ?tls=1 in EMAIL_URL, port 465 wants smtps://.")
        case smtplib.SMTPException():
            what = _("The mail server %(host)s does not take our mail: %(why)s")
            mend = _("Ask whoever runs it, with this answer.")
        case _other:
            what = _("The mail server %(host)s:%(port)d can’t be reached: %(why)s")
            mend = _("Look at EMAIL_URL, and whether a firewall is in between.")
    return what % facts, mend.replace("%%", "%")

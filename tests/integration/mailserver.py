"""A real mail server on this machine that a test can have refuse, go away and come back."""

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from django.test import override_settings

from inscrit import ports


@dataclass
class MailServer:
    """``refusing`` is its answer, if not empty, to recipients whose address has ``whom`` in it;
    ``taken`` is what it accepted.
    """

    port: int = field(default_factory=ports.free)
    refusing: str = ""
    whom: str = ""
    taken: list[EmailMessage] = field(default_factory=list)
    _controller: Controller | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refusing and self.whom in address:
            return self.refusing.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 kept"

    def come(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def go(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def ids(self) -> list[str]:
        return [str(mail["message-id"]) for mail in self.taken]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Django's mails go to it."""
    server = MailServer()
    server.come()
    smtp = override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=server.port,
        EMAIL_USE_TLS=False,
        EMAIL_HOST_USER="",
        EMAIL_TIMEOUT=10,
    )
    try:
        with smtp:
            yield server
    finally:
        server.go()

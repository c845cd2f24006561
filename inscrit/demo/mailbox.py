"""A mail server that keeps everything it is given, and a page to read it."""

import base64
import email
import email.policy
import html
import mailbox
import signal
import threading
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
li { padding: .75rem 0; border-bottom: 1px solid #8884 } ul { list-style: none; padding: 0 }
small { color: GrayText } iframe { width: 100%; height: 32rem; border: 1px solid #8884 }
pre { white-space: pre-wrap }
"""


class Box:
    """A folder of mails (a Maildir), safe to add to from the mail server's thread."""

    def __init__(self, folder: Path) -> None:
        self._maildir = mailbox.Maildir(folder)
        self._lock = threading.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        with self._lock:
            self._maildir.add(envelope.content)
        return "250 kept"

    def messages(self) -> dict[str, EmailMessage]:
        """All mails by their keys, the newest first."""
        with self._lock:
            keys = sorted(self._maildir.keys(), reverse=True)
            return {key: _parse(self._maildir.get_bytes(key)) for key in keys}

    def message(self, key: str) -> EmailMessage:
        with self._lock:
            try:
                return _parse(self._maildir.get_bytes(key))
            except KeyError:
                raise HTTPException(404, "There is no such mail.") from None


def _parse(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def _text(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _html(message: EmailMessage) -> str:
    """With the pictures that came with it, which a browser would not find."""
    content = _text(message, "html")
    for part in message.walk():
        if name := str(part["content-id"] or "").strip("<>"):
            picture = base64.b64encode(_bytes(part)).decode()
            shown = f"data:{part.get_content_type()};base64,{picture}"
            content = content.replace(f"cid:{name}", shown)
    return content


def _bytes(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _enclosed(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.iter_attachments() if part.get_filename()]


def _page(title: str, body: str) -> HTMLResponse:
    head = f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    title = html.escape(title)
    return HTMLResponse(
        f"<!doctype html><html lang=en><title>{title}</title>{head}<h1>{title}</h1>{body}"
    )


def application(box: Box) -> Starlette:
    """The pages of a mailbox."""

    def index(_request: Request) -> Response:
        items = "".join(
            f'<li><a href="/{key}">{html.escape(str(mail["subject"]))}</a><br>'
            f"<small>{html.escape(str(mail['to']))} · {html.escape(str(mail['date']))}</small>"
            for key, mail in box.messages().items()
        )
        reload = '<meta http-equiv="refresh" content="5">'
        return _page("Mailbox", f"{reload}<ul>{items or '<li>No mail yet.'}</ul>")

    def listing(_request: Request) -> Response:
        return JSONResponse(
            [
                {
                    "key": key,
                    "to": str(mail["to"]),
                    "subject": str(mail["subject"]),
                    "message_id": str(mail["message-id"]),
                    "text": _text(mail, "plain"),
                }
                for key, mail in box.messages().items()
            ]
        )

    def show(request: Request) -> Response:
        key = request.path_params["key"]
        mail = box.message(key)
        frame = f'<iframe sandbox src="/{key}/html" title="The mail as HTML"></iframe>'
        text = f"<h2>As text</h2><pre>{html.escape(_text(mail, 'plain'))}</pre>"
        files = "".join(
            f'<li><a href="/{key}/enclosed/{n}">{html.escape(str(part.get_filename()))}</a>'
            for n, part in enumerate(_enclosed(mail))
        )
        back = '<p><a href="/">All mails</a>'
        return _page(str(mail["subject"]), f"{back}{frame}<ul>{files}</ul>{text}")

    def show_html(request: Request) -> Response:
        content = _html(box.message(request.path_params["key"]))
        return HTMLResponse(content, headers={"content-security-policy": "sandbox"})

    def enclosed(request: Request) -> Response:
        parts = _enclosed(box.message(request.path_params["key"]))
        number = request.path_params["number"]
        if number >= len(parts):
            raise HTTPException(404, "There is no such file in this mail.")
        part = parts[number]
        return Response(_bytes(part), media_type=part.get_content_type())

    return Starlette(
        routes=[
            Route("/", index),
            Route("/mails.json", listing),
            Route("/{key}", show),
            Route("/{key}/html", show_html),
            Route("/{key}/enclosed/{number:int}", enclosed),
        ]
    )


def run(folder: str, smtp_port: str, page_port: str) -> None:
    """Take mails and show them until told to stop."""
    from aiosmtpd.controller import Controller

    box = Box(Path(folder))
    server = Controller(box, hostname="127.0.0.1", port=int(smtp_port), decode_data=False)
    server.start()
    try:
        uvicorn.run(
            application(box),
            host="127.0.0.1",
            port=int(page_port),
            log_level="error",
            access_log=False,
        )
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    finally:
        server.stop()

"""``stripe listen``: the official CLI on a websocket, which forwards events to an application.

Frames as the CLI 1.52 understands them; it is sent signed bodies and posts them unchanged.
"""

import asyncio
import time

import msgspec
import structlog
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from inscrit.sandbox.deliveries import ANSWER_KEPT, Answer, Deliveries
from inscrit.sandbox.ids import new_id
from inscrit.sandbox.signature import sign
from inscrit.sandbox.store import StripeObject

log = structlog.get_logger("inscrit.sandbox")

PROTOCOL = "stripecli-devproxy-v1"
FEATURE = "webhooks"


class Frame(msgspec.Struct):
    """The parts of the CLI's frames that matter here."""

    type: str = ""
    webhook_id: str = ""
    status: int | None = None
    body: str = ""


class Listeners:
    """The CLIs that are listening now. What they miss while away is not kept for them."""

    def __init__(self, secret: str, deliveries: Deliveries) -> None:
        self.secret = secret
        self.deliveries = deliveries
        self.queues: set[asyncio.Queue[StripeObject]] = set()
        self.issued: set[str] = set()

    def issue(self) -> str:
        """An identity for one CLI; with none, or with another, no websocket is opened."""
        identifier = new_id("cliws")
        self.issued.add(identifier)
        return identifier

    def show(self, event: StripeObject) -> None:
        for queue in self.queues:
            queue.put_nowait(event)

    async def serve(self, socket: WebSocket) -> None:
        """One CLI, from its connection until it goes. Browsers, which say ``Origin``, stay out."""
        known = socket.headers.get("websocket-id") in self.issued
        if "origin" in socket.headers or not known:
            # At this message the CLI asks for a new identity and comes again.
            answer = JSONResponse({"error": {"message": "Unknown WebSocket ID."}}, 401)
            await socket.send_denial_response(answer)
            return
        await socket.accept(subprotocol=PROTOCOL)
        queue: asyncio.Queue[StripeObject] = asyncio.Queue()
        self.queues.add(queue)
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self.send(socket, queue))
                await self.receive(socket)
                sender.cancel()
        finally:
            self.queues.discard(queue)

    async def send(self, socket: WebSocket, queue: asyncio.Queue[StripeObject]) -> None:
        while True:
            event = await queue.get()
            # The CLI takes the one that fits: the default version, or with --latest the latest.
            for version in (None, event["api_version"]):
                await socket.send_text(self.frame(event, version))

    def frame(self, event: StripeObject, version: str | None) -> str:
        identifier = f"{new_id('wh')}|{event['id']}"
        body = msgspec.json.format(msgspec.json.encode(event), indent=2)
        frame = {
            "type": "webhook_event",
            "endpoint": {"api_version": version},
            "event_payload": body.decode(),
            "http_headers": {
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": sign(body, [self.secret], int(time.time())),
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            },
            "webhook_conversation_id": new_id("wc"),
            "webhook_id": identifier,
        }
        return msgspec.json.encode(frame).decode()

    def take(self, text: str) -> None:
        """What the application answered to the CLI comes back as a frame of its own."""
        try:
            frame = msgspec.json.decode(text, type=Frame)
        except msgspec.MsgspecError:
            log.warning("a frame that is not the Stripe CLI's was dropped")
            return
        if frame.type == "webhook_response":
            _, _, event = frame.webhook_id.partition("|")
            self.deliveries.forwarded(event, Answer(frame.status, frame.body[:ANSWER_KEPT], 0))

    async def receive(self, socket: WebSocket) -> None:
        try:
            while True:
                self.take(await socket.receive_text())
        except WebSocketDisconnect:
            log.info("the Stripe CLI has gone")

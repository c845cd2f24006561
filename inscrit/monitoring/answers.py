"""Counting how requests were answered."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import ANSWERS


class Counted:
    """An application whose answers are counted by the first digit of their status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                ANSWERS.labels(f"{message['status'] // 100}xx").inc()
            await send(message)

        await self._app(scope, receive, counting)

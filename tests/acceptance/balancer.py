"""One address before several web processes, as Docker Swarm has it: each connection to the next.

A web process that does not listen is passed over; if none does, the connection is closed.
"""

import asyncio
import threading
from contextlib import suppress
from itertools import cycle


class Balancer:
    """Forwards connections from a thread of its own until it is closed."""

    def __init__(self, webs: list[int]) -> None:
        self._webs = webs
        self._turns = cycle(range(len(webs)))
        self._loop = asyncio.new_event_loop()
        serving = asyncio.start_server(self._forward, "127.0.0.1", 0, backlog=4096)
        self._server = self._loop.run_until_complete(serving)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(self._end_all())
        self._loop.close()

    async def _end_all(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        web = await self._connect()
        if web is None:
            writer.close()
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass_on(reader, web[1]))
            both.create_task(_pass_on(web[0], writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turns)
        for port in self._webs[first:] + self._webs[:first]:
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on whatever comes until one side ends, then end the other."""
    with suppress(OSError):
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    target.close()

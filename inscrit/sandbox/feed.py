"""Tells whoever is watching that something has changed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Feed:
    def __init__(self) -> None:
        self.watchers: set[asyncio.Event] = set()

    def changed(self) -> None:
        for watcher in self.watchers:
            watcher.set()

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set by every change; the watcher clears it."""
        watcher = asyncio.Event()
        self.watchers.add(watcher)
        try:
            yield watcher
        finally:
            self.watchers.discard(watcher)

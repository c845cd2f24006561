"""SIGKILL, at moments that the seed chooses, for every part of the installation but Stripe."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.acceptance.installation import Installation

DATABASE = "postgresql"
LONGEST_DOWN = 2.0
# Nothing is up yet, or nobody is there yet.
QUIET_START = 3.0


@dataclass
class Killer:
    """Kills each kind of part so many times, and starts it again a moment later."""

    installation: Installation
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    fallen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._kinds = {
            "web": list(self.installation.web_ports),
            "worker": self.installation.worker_names,
            "mailbox": ["mailbox"],
            DATABASE: [DATABASE],
        }

    async def rage(self, seconds: float, times: int) -> None:
        """Return when every kill has been done and made good."""
        kinds = [self._strike(kind, seconds, times) for kind in self._kinds]
        await asyncio.gather(*kinds)

    async def _strike(self, kind: str, seconds: float, times: int) -> None:
        dice = random.Random(f"{self.seed}/{kind}")
        slot = (seconds - QUIET_START) / times
        moments = [QUIET_START + slot * (n + dice.random()) for n in range(times)]
        began = asyncio.get_running_loop().time()
        for moment in moments:
            part, down = dice.choice(self._kinds[kind]), dice.uniform(0.05, LONGEST_DOWN)
            now = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0, moment - now))
            await asyncio.to_thread(self._kill, part)
            self.kills[kind] += 1
            await asyncio.sleep(down)
            await asyncio.to_thread(self._start, part)

    def _kill(self, part: str) -> None:
        if part == DATABASE:
            self.installation.kill_database()
        elif part in self.installation.running:
            self.installation.kill(part)

    def _start(self, part: str) -> None:
        if part == DATABASE:
            self.installation.start_database()
        else:
            self.installation.start_again(part)

    async def watch_over(self) -> None:
        """Start again what ended by itself, as any supervisor does; until cancelled."""
        while True:
            for name, process in list(self.installation.running.items()):
                if (code := process.poll()) is not None:
                    self.fallen.append(f"{name} ended by itself ({code})")
                    self.installation.start_again(name)
            await asyncio.sleep(0.5)

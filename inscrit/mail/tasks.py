"""The jobs that send the outbox."""

import time
from dataclasses import dataclass

from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import delivery, digest, nudging, services
from .delivery import Delivery


@dataclass
class Silence:
    """A mail server that lets one wait: for a while only the sweep, once a minute, waits for it."""

    long_seconds: float = 5
    believed_seconds: float = 90  # longer than from one sweep's wait to the next one's
    until: float = float("-inf")

    def heard(self, answer: Delivery, seconds: float) -> None:
        if answer is Delivery.IN_HAND:
            return  # nothing was heard of the server
        if answer is not Delivery.UNREACHABLE:
            self.until = float("-inf")
        elif seconds > self.long_seconds:
            self.until = time.monotonic() + self.believed_seconds

    def lasts(self) -> bool:
        return time.monotonic() < self.until


silence = Silence()


@app.task(queue="mail")
async def deliver(message_ids: list[int]) -> None:
    """Send these messages. What the mail server does not take now is left to the sweep."""
    if not silence.lasts():
        await _send(message_ids)


@app.periodic(cron="* * * * *")
@app.task(queue="mail", queueing_lock="mail sweep", lock="mail sweep")
async def sweep_waiting_messages(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: messages that are due for another try, or that a dead worker left behind."""
    await _send(await in_database(delivery.waiting))


async def _send(message_ids: list[int]) -> None:
    """One after the other. Without a mail server the others keep their tries for later."""
    for message_id in message_ids:
        began = time.monotonic()
        answer = await in_database(delivery.deliver, message_id)
        silence.heard(answer, time.monotonic() - began)
        if answer is Delivery.UNREACHABLE:
            return


@app.periodic(cron="*/5 * * * *")
@app.task(queue="mail", queueing_lock="mails given up", lock="mails given up")
async def tell_of_given_up_messages(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every five minutes: the organiser hears of messages that nobody will get."""
    await in_database(services.tell_of_given_up)


@app.periodic(cron="* * * * *")
@app.task(queue="mail", queueing_lock="unpaid told", lock="unpaid told")
async def tell_the_unpaid(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: who registered a while ago and has not paid gets the way to do so."""
    await in_database(nudging.tell_the_unpaid)


@app.periodic(cron="*/15 * * * *")
@app.task(queue="mail", queueing_lock="reminders", lock="reminders")
async def remind(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every quarter of an hour: the reminders of events that come near."""
    await in_database(nudging.remind)


@app.periodic(cron="*/15 * * * *")
@app.task(queue="mail", queueing_lock="digest", lock="digest")
async def tell_the_day(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every quarter of an hour, from the hour on that was chosen: yesterday's figures, once."""
    await in_database(digest.tell)

"""The jobs that send the outbox."""

from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import services


@app.task(queue="mail")
async def deliver(message_ids: list[int]) -> None:
    """Send these messages. What the mail server refuses now is left to the sweep."""
    for message_id in message_ids:
        await in_database(services.deliver, message_id)


@app.periodic(cron="* * * * *")
@app.task(queue="mail", queueing_lock="mail sweep", lock="mail sweep")
async def sweep_waiting_messages(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: messages that are due for another try, or that a dead worker left behind."""
    for message_id in await in_database(services.waiting):
        await in_database(services.deliver, message_id)

"""The job that sends one message of the outbox."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import services


@app.task(
    queue="mail",
    retry=RetryStrategy(max_attempts=200, linear_wait=15, retry_exceptions=[services.NotSent]),
)
async def deliver(message_id: int) -> None:
    """Send a message; while the mail server is down, try again with growing delay."""
    await in_database(services.deliver, message_id)

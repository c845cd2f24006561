"""The job that sends a link."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import sending

# Somebody waits for it: after an hour and a half it is of no use to them any more.
SOME_TIMES = RetryStrategy(max_attempts=7, exponential_wait=4)


@app.task(queue="mail", retry=SOME_TIMES)
async def send_link(request_id: int) -> None:
    await in_database(sending.send, request_id)

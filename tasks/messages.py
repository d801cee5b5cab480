"""The messages queue: send due messages, and ask what became of texts."""

from models.core.redis import signals
from tasks.app import app
from tasks.maintenance import JobRecord
from tasks.messaging.deliveries import ask_deliveries
from tasks.messaging.drain import drain
from tasks.nudges import nudge_messages


@app.task(name="messages.deliver")
def deliver() -> None:
    """Send all due messages. Idempotent: each message is claimed by one worker."""
    signals.start_on("messages")
    if drain():
        nudge_messages()


@app.task(name="messages.ask_deliveries")
def ask() -> None:
    """Query the delivery status of sent texts; queue an e-mail for those that did not arrive."""
    with JobRecord("deliveries") as job:
        asked, is_queued = ask_deliveries()
        job.result = {"asked": asked}
    if is_queued:
        nudge_messages()

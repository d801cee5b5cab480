"""Failed messages, as staff see them and send them again."""

from typing import Annotated

from pydantic import Field

from web.schemas.answers import Moment, Outgoing
from web.schemas.fields import Instant
from web.schemas.guests import EntryId
from web.schemas.requests import Incoming

FAILED_AT_ONCE = 100


class FailedQuery(Incoming):
    """Which part of the failed messages."""

    before: EntryId | None = Field(None, description="only messages older than this one's id")


class FailedMessageOut(Outgoing):
    """A message that failed for good, and why. It says nothing about its guest."""

    id: str
    reference: str = Field(description="of its reservation")
    kind: str
    channel: str
    state: str
    reason: str = Field(description="the provider's codes and what they mean")
    attempts: int
    created_at: Moment
    last_due_at: Moment = Field(description="when its last attempt was due")


class FailedMessagesOut(Outgoing):
    """The newest first; with `next`, ask again for those `before` it."""

    messages: list[FailedMessageOut]
    next: str | None


class SendAgainRequest(Incoming):
    """Since when the failed messages are sent again."""

    since: Annotated[Instant, Field(description="their last attempt was due then, or later")]


class SentAgainOut(Outgoing):
    """How many wait in the queue again, and how many are no longer true and stay as they are."""

    queued: int
    void: int
    is_all: bool = Field(description="false: there were too many for once; ask again")

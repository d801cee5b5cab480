"""Models of failed messages, for staff."""

from typing import Annotated

from pydantic import Field

from web.schemas.answers import Moment, ResponseModel
from web.schemas.fields import Instant
from web.schemas.guests import EntryId
from web.schemas.requests import RequestModel

FAILED_AT_ONCE = 100


class FailedQuery(RequestModel):
    """The part of the failed messages to read."""

    before: EntryId | None = Field(None, description="only messages with a smaller id")


class FailedMessageOut(ResponseModel):
    """A message that failed permanently, and the reason. It contains no data of the guest."""

    id: str
    reference: str = Field(description="reference of its reservation")
    kind: str
    channel: str
    state: str
    reason: str = Field(description="the provider's codes and their meaning")
    attempts: int
    created_at: Moment
    last_due_at: Moment = Field(description="when its last attempt was due")


class FailedMessagesOut(ResponseModel):
    """Newest first. If `next` is set, query again with it as `before`."""

    messages: list[FailedMessageOut]
    next: str | None


class SendAgainRequest(RequestModel):
    """The time since which failed messages are resent."""

    since: Annotated[
        Instant, Field(description="messages whose last attempt was due at this time or later")
    ]


class SentAgainOut(ResponseModel):
    """How many are queued again, and how many are no longer true and stay as they are."""

    queued: int
    void: int
    is_all: bool = Field(description="false: there are more; send the request again")

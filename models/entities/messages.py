"""Messages: rows that are the outgoing queue."""

from datetime import datetime

from sqlalchemy import JSON, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime


class Message(Base):
    """One message on one channel. Its text is made from the reservation at send time.

    state: queued -> sending -> sent | failed | skipped; sending -> queued when the claim expired.
    `reservation_revision` is the reservation's revision that this message describes. `variant`
    distinguishes reminders (minutes before the start), and the times that a link was sent again; 0
    otherwise.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint(
            "reservation_id",
            "reservation_revision",
            "kind",
            "channel",
            "variant",
            name="uq_messages_once",
        ),
        Index("ix_messages_due", "state", "due_at"),
        Index("ix_messages_claim", "claim"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    reservation_id: Mapped[int] = mapped_column(BigId)
    reservation_revision: Mapped[int]
    #: one of `models.rules.messages.notifying.Kind`
    kind: Mapped[str] = mapped_column(String(20))
    #: email | sms
    channel: Mapped[str] = mapped_column(String(8))
    variant: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(8), default="queued")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    #: the sender that has claimed it, and when the claim expires
    claim: Mapped[str | None] = mapped_column(String(36))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    provider_id: Mapped[str | None] = mapped_column(String(255))
    #: the provider's last reported delivery state of a text: delivered, undelivered, ...
    delivery: Mapped[str | None] = mapped_column(String(16))
    #: why it failed or was skipped; never contains an address
    error: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: the recipient, encrypted, if it is no longer the reservation's contact; until the message is
    #: sent
    recipient_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class ChannelState(Base):
    """A channel that was down at least once. While `down_since` is set, its messages wait."""

    __tablename__ = "channel_states"

    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    down_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: why it is down, or was; never contains an address
    reason: Mapped[str | None] = mapped_column(String(255))
    #: when one message is tried again
    probe_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: messages whose refusal seemed to be caused by the sender
    suspects: Mapped[list[int] | None] = mapped_column(JSON)

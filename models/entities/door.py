"""The list at the door: what an entry has beyond its reservation."""

from datetime import datetime

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime


class DoorEntry(Base):
    """One party on the list at the door. Its reservation has `source` door, and is `waitlisted`.

    Identity, contact, messages and history are those of the reservation. The row stays after the
    party was seated or left: quotes are compared with the truth.
    """

    __tablename__ = "door_entries"
    __table_args__ = (
        Index("ix_door_entries_restaurant", "restaurant_id", "joined_at"),
        Index("ix_door_entries_ready", "ready_until"),
    )

    reservation_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    restaurant_id: Mapped[int]
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: the guest joined by the link, not the staff: the contact is not confirmed yet
    by_guest: Mapped[bool]
    #: orders the list: when the party joined, or just after the party that it was passed over for
    place_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: the wait in minutes that the party was told; NULL: no table suited it then
    quoted_low: Mapped[int | None]
    quoted_high: Mapped[int | None]
    #: called to a table, has until then to come, to these tables (ids); NULL: not called
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ready_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ready_tables: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    #: the revision at which it was called; the message of that revision tells it
    ready_revision: Mapped[int | None]
    #: did not come in time when it was called; others go first until it is called again
    missed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: when its wait ended: first called, or seated; NULL: not yet, or it left before
    served_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

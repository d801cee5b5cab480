"""Reservations, their changes and moves, and which table each holds when.

The hot tables (reservations, table_occupancy, messages) carry no foreign keys: on InnoDB each
costs a look-up, a shared lock on the parent and an index for every row written. `maitred check`
proves the references instead.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, exists, func
from sqlalchemy.orm import Mapped, column_property, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest
from models.core.secrets.signing import contact_key
from models.entities.moves import EDITED, ReservationMove
from models.entities.sealed_guest import (
    Guest,
    open_guest,
    open_staff_note,
    seal_guest,
    seal_staff_note,
)

__all__ = [
    "EDITED",
    "Assignment",
    "Reservation",
    "ReservationChange",
    "ReservationMove",
    "TableOccupancy",
]


class Reservation(Base):
    """A party that asked for a table. In `requested` it is a job for the allocation lane.

    `book_id` names the ShiftDay (no foreign key: the row of the book is made by the decision).
    `starts_at` lies on the 15-minute grid; `ends_at` is the end of the turn, without the buffer.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        # serves the lanes (what waits, of which book) and the clock (who is late)
        Index("ix_reservations_status", "status", "starts_at", "restaurant_id", "book_id"),
        Index("ix_reservations_book", "book_id", "status"),
        Index("ix_reservations_email_key", "email_key"),
        Index("ix_reservations_phone_key", "phone_key"),
        Index("ix_reservations_confirm_by", "confirm_by"),
        Index("uq_reservations_reference", "reference", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reference: Mapped[str] = mapped_column(String(12))
    restaurant_id: Mapped[int]
    book_id: Mapped[int] = mapped_column(BigId)
    status: Mapped[str] = mapped_column(String(12))
    #: raised by every move and change; messages and the staff's ETags carry it
    revision: Mapped[int] = mapped_column(default=1)
    #: how far the guest's own revision is ahead of it: see `guest_revision`
    guest_ahead: Mapped[int] = mapped_column(default=0, server_default="0")
    party_size: Mapped[int]
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: minutes by which the wall clock was ahead of UTC at the start, when the start was last
    #: written (rules.told); NULL: not known
    told_offset: Mapped[int | None]
    area_id: Mapped[int | None]
    #: may be waitlisted when no table is free
    waitlist: Mapped[bool] = mapped_column(default=True)
    #: online | staff | walk_in
    source: Mapped[str] = mapped_column(String(8), default="online")
    #: staff went over the pacing knowingly
    pacing_forced: Mapped[bool] = mapped_column(default=False)
    #: the staff chose the tables, and not the decision; NULL: an older release did not say
    tables_chosen: Mapped[bool | None]
    #: name, e-mail, phone and the guest's note: see `guest`
    guest_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    #: what the staff keep for themselves: see `staff_note`
    staff_note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: the revision at which both notes were written, each in its place; NULL: there was one note
    notes_revision: Mapped[int | None] = mapped_column()
    guest_locale: Mapped[str] = mapped_column(String(16), default="en")
    #: keyed hashes of the normalised contact, to find the same guest again
    email_key: Mapped[bytes | None] = mapped_column(digest(16))
    phone_key: Mapped[bytes | None] = mapped_column(digest(16))
    #: since when the contact is known to be the guest's: its link was opened (operations.proofs)
    email_proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    phone_proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: until when its guest has to confirm it by the link; NULL: it stands (operations.unproved)
    confirm_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: why it was declined or waits; a code of rules.board.Reason
    reason: Mapped[str | None] = mapped_column(String(32))
    #: up to three other starts, RFC 3339 in UTC
    alternatives: Mapped[list[str] | None] = mapped_column(JSON)
    #: somebody waits on an open connection for the decision
    awaited: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: policies in force when the guest booked (cancel_cutoff_minutes)
    terms: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    #: who came is no longer known since then
    forgotten_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: random; the guest's link carries it. None: made before there were any (rules.links)
    link_secret: Mapped[bytes | None] = mapped_column(digest(8))
    #: the staff wrote into the one note that there was
    _staff_edited: Mapped[bool] = column_property(
        exists().where(
            ReservationMove.reservation_id == id,
            ReservationMove.reason == EDITED,
            ReservationMove.actor.startswith("staff:"),
            ReservationMove.revision > func.coalesce(notes_revision, 0),
        )
    )

    @property
    def guest(self) -> Guest:
        """Who comes, with the guest's own wishes. Raises SealBroken. Its keys stand beside it."""
        known = open_guest(self.guest_sealed, reference=self.reference)
        return replace(known, note="") if self._is_staffs_note else known

    @guest.setter
    def guest(self, guest: Guest) -> None:
        """Seal who comes, and write the keys by which the same guest is found again."""
        self.guest_sealed = seal_guest(guest, reference=self.reference)
        self.email_key, self.phone_key = contact_key(guest.email), contact_key(guest.phone)
        self.forgotten_at = None

    @property
    def guest_revision(self) -> int:
        """Raised by what the guest can see, and by nothing else; guests' ETags carry it.

        A move that no guest sees (another table) leaves it alone, a wish to change raises it.
        """
        return self.revision + self.guest_ahead

    @property
    def staff_note(self) -> str:
        """What the staff wrote for themselves; nothing that a guest is shown. Raises SealBroken."""
        kept = open_staff_note(self.staff_note_sealed, reference=self.reference)
        if kept or not self._is_staffs_note:
            return kept
        return open_guest(self.guest_sealed, reference=self.reference).note

    def write_notes(self, guest: Guest, staff_note: str) -> None:
        """Seal who comes and both notes, each in its own place from this revision on."""
        self.guest = guest
        self.staff_note_sealed = seal_staff_note(staff_note, reference=self.reference)
        self.notes_revision = self.revision

    @property
    def _is_staffs_note(self) -> bool:
        """Whether the one note that older releases kept may be the staff's: then no guest reads it.

        So it is when the staff made the reservation, or edited it: what they edited is not known.
        """
        return self._staff_edited or (self.notes_revision is None and self.source != "online")


class ReservationChange(Base):
    """A wish to change a reservation. In `requested` it is a job for the allocation lane.

    status: requested -> accepted | refused | superseded | dropped.
    """

    __tablename__ = "reservation_changes"
    __table_args__ = (
        Index("ix_reservation_changes_status", "status", "restaurant_id"),
        Index("ix_reservation_changes_reservation", "reservation_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    reservation_id: Mapped[int] = mapped_column(ForeignKey("reservations.id"))
    #: the book of the wished start
    book_id: Mapped[int] = mapped_column(BigId)
    status: Mapped[str] = mapped_column(String(12))
    party_size: Mapped[int]
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    by_staff: Mapped[bool] = mapped_column(default=False)
    actor: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(32))
    alternatives: Mapped[list[str] | None] = mapped_column(JSON)
    #: the reservation's revision that answered it: the message of that revision is about this wish
    answered_revision: Mapped[int | None]
    awaited: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Assignment(Base):
    """Which tables a decision gave. Stays when the party has left."""

    __tablename__ = "assignments"
    __table_args__ = (Index("ix_assignments_table", "dining_table_id"),)

    reservation_id: Mapped[int] = mapped_column(ForeignKey("reservations.id"), primary_key=True)
    dining_table_id: Mapped[int] = mapped_column(ForeignKey("dining_tables.id"), primary_key=True)


class TableOccupancy(Base):
    """One table for one quarter-hour. The primary key makes a double seating impossible.

    `quarter_hour` is UTC epoch seconds // 900; a seating holds its whole turn and the buffer.
    """

    __tablename__ = "table_occupancy"
    __table_args__ = (Index("ix_table_occupancy_restaurant", "restaurant_id", "quarter_hour"),)

    dining_table_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quarter_hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reservation_id: Mapped[int] = mapped_column(BigId)
    restaurant_id: Mapped[int]


class SeatedTable(Base):
    """A table at which a party sits. The primary key makes two parties at one table impossible.

    Written when a party sits down, deleted when it leaves. Until then the table is taken,
    whatever the turn said. A row counts only while its reservation is `seated`.
    """

    __tablename__ = "seated_tables"
    __table_args__ = (Index("ix_seated_tables_restaurant", "restaurant_id"),)

    dining_table_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reservation_id: Mapped[int] = mapped_column(BigId)
    restaurant_id: Mapped[int]

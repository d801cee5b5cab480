"""Reservations, their changes and moves, and the tables that they hold.

The busiest tables (reservations, table_occupancy, messages) have no foreign keys: on InnoDB each
costs a look-up, a shared lock on the parent and an index for every row written. `maitred check`
verifies the references instead.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, exists, false, func
from sqlalchemy.orm import Mapped, column_property, foreign, mapped_column, relationship

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest
from models.core.secrets.signing import contact_key
from models.entities.parties import Details, PartyDetails, details_of
from models.entities.sealed_guest import (
    Guest,
    guest_of,
    seal_guest,
    seal_staff_note,
    staff_note_of,
)
from models.rules.reservations.contact_edits import EDITED_REASON
from models.rules.reservations.lifecycle import Status, shown_status
from models.rules.restaurant.features import Wants, wants_from


class ReservationMove(Base):
    """One step of a reservation's history: from, to, actor, time, reason."""

    __tablename__ = "reservation_moves"
    __table_args__ = (Index("ix_reservation_moves_reservation", "reservation_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reservation_id: Mapped[int] = mapped_column(ForeignKey("reservations.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    before: Mapped[str] = mapped_column(String(12))
    after: Mapped[str] = mapped_column(String(12))
    #: the reservation's revision after the move
    revision: Mapped[int]
    #: guest | staff:<account id> | worker | clock
    actor: Mapped[str] = mapped_column(String(40))
    #: the kind of move: decision, change, promotion, cancellation, arrival, ... or a decline's
    #: reason
    reason: Mapped[str] = mapped_column(String(32), default="")
    #: what a verb of the stand did beyond the states: tables, minutes, the text of a reason.
    #: NULL: nothing more to say; also once the guest's data were erased
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Reservation(Base):
    """A party that requested a table. In `requested` it is a job for the allocation lane.

    `book_id` names the ShiftDay (no foreign key: the decision creates the book's row). `starts_at`
    lies on the 15-minute grid; `ends_at` is the end of the turn, without the buffer.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        # serves the lanes (waiting rows by book) and the scheduled jobs (overdue rows)
        Index("ix_reservations_status", "status", "starts_at", "restaurant_id", "book_id"),
        Index("ix_reservations_book", "book_id", "status"),
        Index("ix_reservations_email_key", "email_key"),
        Index("ix_reservations_phone_key", "phone_key"),
        Index("ix_reservations_confirm_by", "confirm_by"),
        Index("ix_reservations_approve_by", "approve_by"),
        Index("uq_reservations_reference", "reference", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reference: Mapped[str] = mapped_column(String(12))
    restaurant_id: Mapped[int]
    book_id: Mapped[int] = mapped_column(BigId)
    status: Mapped[str] = mapped_column(String(12))
    #: raised by every move and change; used by messages and by the staff's ETags
    revision: Mapped[int] = mapped_column(default=1)
    #: how far the guest's own revision is ahead of `revision`: see `guest_revision`
    guest_ahead: Mapped[int] = mapped_column(default=0, server_default="0")
    party_size: Mapped[int]
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: the turn that the staff chose for it; NULL: as the rules say
    turn_minutes: Mapped[int | None]
    #: minutes by which the wall clock was ahead of UTC at the start, when the start was last
    #: written (`models.rules.messages.wall_clock`); NULL: not known
    told_offset: Mapped[int | None]
    area_id: Mapped[int | None]
    #: the features of tables that its guest needs or wishes for: see `wants`
    wanted_features: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    #: may be waitlisted when no table is free
    waitlist: Mapped[bool] = mapped_column(default=True)
    #: online | staff | walk_in | door
    source: Mapped[str] = mapped_column(String(8), default="online")
    #: the staff deliberately exceeded the pacing
    pacing_forced: Mapped[bool] = mapped_column(default=False)
    #: the staff chose the tables, not the decision; NULL: an older release did not record it
    tables_chosen: Mapped[bool | None]
    #: the staff locked the party to its tables: nobody moves it until they unlock it
    tables_locked: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: name, e-mail, phone and the guest's note, encrypted: see `guest`
    guest_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    #: the staff's own note, encrypted: see `staff_note`
    staff_note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: the revision at which the two notes were first stored apart; NULL: there was one note
    notes_revision: Mapped[int | None] = mapped_column()
    guest_locale: Mapped[str] = mapped_column(String(16), default="en")
    #: keyed hashes of the normalised contact, to find the same guest again
    email_key: Mapped[bytes | None] = mapped_column(digest(16))
    phone_key: Mapped[bytes | None] = mapped_column(digest(16))
    #: when the contact was confirmed, by opening its link
    #: (`models.operations.reservations.contact_proofs`)
    email_proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    phone_proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: deadline for the guest's confirmation by the link; NULL: none is needed
    #: (`models.operations.stand.unconfirmed`)
    confirm_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: deadline for the staff's approval (`models.operations.stand.approving`); NULL: none is needed
    approve_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: why it was declined or waits; a code of `models.rules.deciding.board.Reason`
    reason: Mapped[str | None] = mapped_column(String(32))
    #: up to three other starts, RFC 3339 in UTC
    alternatives: Mapped[list[str] | None] = mapped_column(JSON)
    #: a client waits on an open connection for the decision
    awaited: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: policies in force when the guest booked (cancel_cutoff_minutes)
    terms: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    #: when the guest's data were erased
    forgotten_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: random, part of the guest's link; NULL: made before links had one
    #: (`models.rules.reservations.links`)
    link_secret: Mapped[bytes | None] = mapped_column(digest(8))
    #: what the stand knows of the party; loaded only where a query says so
    party: Mapped[PartyDetails | None] = relationship(
        primaryjoin=lambda: foreign(PartyDetails.reservation_id) == Reservation.id,
        viewonly=True,
        uselist=False,
        lazy="raise",
    )
    #: the staff edited the row while it had only one note
    staff_edited: Mapped[bool] = column_property(
        exists().where(
            ReservationMove.reservation_id == id,
            ReservationMove.reason == EDITED_REASON,
            ReservationMove.actor.startswith("staff:"),
            ReservationMove.revision > func.coalesce(notes_revision, 0),
        )
    )

    @property
    def guest(self) -> Guest:
        """The guest, with the guest's own note, decrypted. Raises DecryptionFailed.

        The keyed hashes of the contact are columns of their own.
        """
        return guest_of(self)

    @guest.setter
    def guest(self, guest: Guest) -> None:
        """Encrypt the guest, and write the keys by which the same guest is found again."""
        self.guest_sealed = seal_guest(guest, reference=self.reference)
        self.email_key, self.phone_key = contact_key(guest.email), contact_key(guest.phone)
        self.forgotten_at = None

    @property
    def wants(self) -> Wants:
        """The features of tables that it needs, and those that it would like."""
        return wants_from(self.wanted_features)

    @property
    def shown_status(self) -> Status:
        """As guests and staff see it: `requested` until the staff have approved it."""
        return shown_status(self.status, self.approve_by)

    @property
    def details(self) -> Details:
        """The staff's facts about the party; `party` is loaded. Raises DecryptionFailed."""
        return details_of(self.party, reference=self.reference)

    @property
    def expected_at(self) -> datetime | None:
        """When a party comes that runs late; `party` is loaded."""
        return self.party.expected_at if self.party else None

    @property
    def arrived_covers(self) -> int | None:
        """How many of a party are here, if not all; `party` is loaded."""
        return self.party.arrived_covers if self.party else None

    @property
    def spend(self) -> int | None:
        """What the party spent, in hundredths, if it is known; `party` is loaded."""
        return self.party.spend if self.party else None

    @property
    def guest_revision(self) -> int:
        """Raised by changes that the guest can see, and by nothing else; used by guests' ETags.

        A move that no guest sees (another table) does not raise it; a change request does.
        """
        return self.revision + self.guest_ahead

    @property
    def staff_note(self) -> str:
        """The staff's own note, never shown to a guest. Raises DecryptionFailed."""
        return staff_note_of(self)

    def write_notes(self, guest: Guest, staff_note: str) -> None:
        """Encrypt the guest and both notes, stored separately from this revision on."""
        self.guest = guest
        self.staff_note_sealed = seal_staff_note(staff_note, reference=self.reference)
        self.notes_revision = self.revision


class ReservationChange(Base):
    """A request to change a reservation. In `requested` it is a job for the lane.

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
    #: the book of the requested start
    book_id: Mapped[int] = mapped_column(BigId)
    status: Mapped[str] = mapped_column(String(12))
    party_size: Mapped[int]
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    by_staff: Mapped[bool] = mapped_column(default=False)
    actor: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(32))
    alternatives: Mapped[list[str] | None] = mapped_column(JSON)
    #: the reservation's revision that answered it; the message of that revision is about this
    #: request
    answered_revision: Mapped[int | None]
    awaited: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Assignment(Base):
    """The tables given to a party. The rows stay after it has left."""

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

    Written when a party is seated, deleted when it leaves. Until then the table is taken, whatever
    the turn was. A row counts only while its reservation is `seated`.
    """

    __tablename__ = "seated_tables"
    __table_args__ = (Index("ix_seated_tables_restaurant", "restaurant_id"),)

    dining_table_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reservation_id: Mapped[int] = mapped_column(BigId)
    restaurant_id: Mapped[int]

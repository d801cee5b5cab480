"""The guest book of a restaurant: records, contacts, index of names, notes, history.

Nothing here can be read without the keys: names, contacts, notes and what the staff wrote are
encrypted, and the indexes are keyed hashes (ADR 18).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest
from models.entities.sealed_profile import Profile, open_profile, seal_profile


class GuestBook(Base):
    """The lock of a restaurant's guest book: whoever writes into the book holds this row."""

    __tablename__ = "guest_books"

    restaurant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class GuestRecord(Base):
    """A guest of one restaurant. It exists as long as one of its contacts is on a reservation."""

    __tablename__ = "guests"
    __table_args__ = (
        Index("ix_guests_restaurant", "restaurant_id"),
        Index("ix_guests_merged_into", "merged_into"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    #: random; the encrypted values of the record are bound to it
    reference: Mapped[str] = mapped_column(String(12))
    #: raised by every act of the staff; used by the ETag
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    #: names, allergies, tags, reason of a block, encrypted: see `profile`
    profile_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    vip: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: since when the guest may not book online; NULL: the guest may
    blocked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: no-shows before this time do not count towards the restaurant's limit
    limit_lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: the record that took this one over; NULL: it stands for itself
    merged_into: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def profile(self) -> Profile:
        """What is known about the guest, decrypted. Raises DecryptionFailed."""
        return open_profile(self.profile_sealed, reference=self.reference)

    @profile.setter
    def profile(self, profile: Profile) -> None:
        """Encrypt it. The index of names is the caller's task."""
        self.profile_sealed = seal_profile(profile, reference=self.reference)


class GuestContact(Base):
    """A contact of a guest: one contact belongs to one record of a restaurant."""

    __tablename__ = "guest_contacts"
    __table_args__ = (
        Index("ix_guest_contacts_guest", "guest_id"),
        Index("ix_guest_contacts_digits", "restaurant_id", "digits_key"),
    )

    #: the keyed hash that the reservations have, too (`email_key`, `phone_key`)
    contact: Mapped[bytes] = mapped_column(digest(16), primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: email | sms
    channel: Mapped[str] = mapped_column(String(8))
    #: the record, after merging; and the one that had the contact before
    guest_id: Mapped[int] = mapped_column(BigId)
    filed_id: Mapped[int] = mapped_column(BigId)
    #: keyed hash of a phone number's last four digits; NULL for an e-mail address
    digits_key: Mapped[bytes | None] = mapped_column(digest(8))
    #: the contact, encrypted, bound to the record that had it first
    contact_sealed: Mapped[bytes] = mapped_column(LargeBinary)


class GuestName(Base):
    """The keyed hash of the beginning of a word of a guest's names."""

    __tablename__ = "guest_names"
    __table_args__ = (Index("ix_guest_names_guest", "guest_id"),)

    restaurant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    word_key: Mapped[bytes] = mapped_column(digest(8), primary_key=True)
    guest_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)


class GuestNote(Base):
    """A note of the staff about a guest, with its author. It stays with the record it is on."""

    __tablename__ = "guest_notes"
    __table_args__ = (Index("ix_guest_notes_guest", "guest_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    guest_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id>
    actor: Mapped[str] = mapped_column(String(40))
    text_sealed: Mapped[bytes] = mapped_column(LargeBinary)


class GuestEvent(Base):
    """One line of a record's history. It contains no text about the guest."""

    __tablename__ = "guest_events"
    __table_args__ = (Index("ix_guest_events_guest", "guest_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    guest_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id>
    actor: Mapped[str] = mapped_column(String(40))
    #: changed | noted | note_deleted | merged | unmerged | blocked | unblocked | limit_lifted
    action: Mapped[str] = mapped_column(String(16))
    #: the record's revision after it
    revision: Mapped[int]
    #: the fields that changed, or the other record
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON)

"""Erasures, consents, and the staff's access to guests' data. Nothing here identifies a guest."""

from datetime import datetime

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest


class Erasure(Base):
    """The erasure of a guest at one restaurant. `contact` is the keyed hash, never the contact."""

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_contact", "contact", "restaurant_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    contact: Mapped[bytes] = mapped_column(digest(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id> | operator
    actor: Mapped[str] = mapped_column(String(40))


class Consent(Base):
    """A guest's yes or no for one contact. The last row of a contact counts; all are retained.

    `contact` is the keyed hash: the address itself is in the guest's reservations.
    """

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_contact", "contact", "restaurant_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    contact: Mapped[bytes] = mapped_column(digest(16))
    #: email | sms
    channel: Mapped[str] = mapped_column(String(8))
    #: marketing
    purpose: Mapped[str] = mapped_column(String(20))
    given: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: booking | manage | staff
    source: Mapped[str] = mapped_column(String(8))
    #: guest | staff:<account id>
    actor: Mapped[str] = mapped_column(String(40))
    #: id of the text that the guest was shown
    wording: Mapped[str] = mapped_column(String(63))


class AuditEntry(Base):
    """An action of the staff on guests' data or the restaurant's files. Holds no contact data."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_restaurant", "restaurant_id", "id"),
        Index("ix_audit_entries_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id> | operator
    actor: Mapped[str] = mapped_column(String(40))
    #: guest.found | guest.exported | guest.erased | consent.changed | file.kept | file.withdrawn
    #: link.sent | link.renewed | message.sent_again | guest.read | book.read
    #: guest.searched | guest.opened | guest.ACTION (an action of `GuestEvent`)
    action: Mapped[str] = mapped_column(String(32))
    #: references of reservations, `guest ID`, a file's name and version, or a book's date
    about: Mapped[list[str]] = mapped_column(JSON)

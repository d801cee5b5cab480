"""A reservation's history, one row per step."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime

#: Reason of a move that changed only name, contact or notes.
EDITED = "edited"


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

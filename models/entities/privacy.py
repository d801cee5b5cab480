"""Erasures: that somebody was forgotten, without saying who."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.db import Base
from models.core.types import BigId, UtcDateTime, digest


class Erasure(Base):
    """A guest was erased at one restaurant. `contact` is the keyed hash, never the contact."""

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_contact", "contact", "restaurant_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    contact: Mapped[bytes] = mapped_column(digest(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id> | operator
    actor: Mapped[str] = mapped_column(String(40))

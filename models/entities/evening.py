"""What a host decides about an evening rather than about one party: blocks, and its history."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime


class TableBlock(Base):
    """Tables that are taken out for a time: rain, a broken leg. Quarters are inclusive."""

    __tablename__ = "blocks"
    __table_args__ = (Index("ix_blocks_restaurant", "restaurant_id", "last_quarter"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    #: UTC epoch seconds // 900
    first_quarter: Mapped[int]
    last_quarter: Mapped[int]
    #: the labels of its tables when it was made
    labels: Mapped[list[str]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id>
    made_by: Mapped[str] = mapped_column(String(40))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str | None] = mapped_column(String(40))


class BlockedTable(Base):
    """A table that is blocked. Deleted when the block is lifted, so each row counts."""

    __tablename__ = "blocked_tables"
    __table_args__ = (Index("ix_blocked_tables_restaurant", "restaurant_id", "last_quarter"),)

    dining_table_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    restaurant_id: Mapped[int]
    first_quarter: Mapped[int]
    last_quarter: Mapped[int]


class BlockKept(Base):
    """A party that had a table of the block before it, and keeps it until the host moves it."""

    __tablename__ = "block_kept"

    block_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    reservation_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)


class BookLimit(Base):
    """A host's limit on one book: online booking stopped or limited, or the book closed.

    Deleted when the book is reopened.
    """

    __tablename__ = "book_limits"

    book_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    #: one of `models.rules.evening.limits.Limited`
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    restaurant_id: Mapped[int]
    #: the first start that it concerns, UTC epoch seconds // 900
    from_quarter: Mapped[int]
    #: the most covers that may start online in an interval; 0: none
    covers: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(120), default="")
    #: not before any decision that was made without it
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(40))


class SectionTable(Base):
    """A table that a server has in one book."""

    __tablename__ = "section_tables"

    book_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    dining_table_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    restaurant_id: Mapped[int]
    #: the server's name as the host wrote it
    server: Mapped[str] = mapped_column(String(120))


class EveningAct(Base):
    """One step of an evening's history that is not about one reservation: who, when, what."""

    __tablename__ = "evening_acts"
    __table_args__ = (Index("ix_evening_acts_day", "restaurant_id", "service_date"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    service_date: Mapped[date]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id>
    actor: Mapped[str] = mapped_column(String(40))
    #: one of `models.rules.evening.acts.Act`
    act: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

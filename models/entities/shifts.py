"""Opening times: shifts, closures, and the book of each shift and date."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Time, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime


class Shift(Base):
    """Recurring lunch or dinner by the wall clock; with `on_date`, special hours of that date.

    On a date that has special hours, only those shifts apply, unless they are `added`.
    """

    __tablename__ = "shifts"
    __table_args__ = (UniqueConstraint("restaurant_id", "key", name="uq_shifts_restaurant_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    key: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(120))
    first: Mapped[time] = mapped_column(Time)
    last: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    #: bit 0 is Monday
    weekdays: Mapped[int] = mapped_column(default=127)
    on_date: Mapped[date | None]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    #: turn_times, pacing, buffer_minutes, covers where they differ from the restaurant's; `added`
    overrides: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: the last turns may end after `ends`; true for all shifts older than this column
    may_run_over: Mapped[bool] = mapped_column(default=True, server_default=true())
    active: Mapped[bool] = mapped_column(default=True)


class Closure(Base):
    """A date, or one shift of it, on which the restaurant is closed."""

    __tablename__ = "closures"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "on_date", "shift_key", name="uq_closures_date_shift"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    on_date: Mapped[date]
    #: empty: the whole day
    shift_key: Mapped[str] = mapped_column(String(63), default="")
    reason: Mapped[str] = mapped_column(String(255), default="")
    #: also that day of every later year
    yearly: Mapped[bool] = mapped_column(default=False, server_default=false())


class ShiftDay(Base):
    """The book: a shift on a date, and the row that every decision about it locks.

    `id` is `book_id(shift, date)` (`models.rules.restaurant.restaurant.book_id`), so a request can
    name its book before the row exists.
    """

    __tablename__ = "shift_days"
    __table_args__ = (
        Index("ix_shift_days_freed_at", "freed_at"),
        Index("ix_shift_days_restaurant_date", "restaurant_id", "service_date"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    shift_id: Mapped[int] = mapped_column(ForeignKey("shifts.id"))
    service_date: Mapped[date]
    #: raised by every decision, change, cancellation and seating in this book
    revision: Mapped[int] = mapped_column(default=0)
    #: when capacity was freed that has not been offered to the waitlist yet
    freed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: when retention erased its guests, and deleted its messages
    guests_forgotten_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    messages_forgotten_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
